"""An object of one namespace as it must be in another."""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Callable
from typing import Any

from upkeep.backups.kubernetes.kinds import Object
from upkeep.clients.answers import child, children


def moved(obj: Object, source: str, target: str) -> Object:
    """Return a copy of an object for the namespace `target`.

    Renamed: subjects of role bindings, selectors of namespaces by name, and addresses of services within
    the cluster (`db.source.svc`), also inside secrets: a copy must not write to what it was copied from.
    Ports of nodes are given anew.
    """
    result = copy.deepcopy(obj)
    result["metadata"]["namespace"] = target
    if source == target:
        return result
    address = re.compile(rf"(?<=[a-z0-9]\.){re.escape(source)}(?=\.svc\b)")
    result = {
        key: value if key in ("apiVersion", "kind", "metadata") else _texts(value, _with(address, target))
        for key, value in result.items()
    }
    kind = result.get("kind")
    if kind == "RoleBinding":
        for subject in children(result, "subjects"):
            if subject.get("namespace") == source:
                subject["namespace"] = target
    elif kind == "NetworkPolicy":
        _select(result["spec"], source, target)
    elif kind == "Secret":
        result["data"] = {k: _inside(v, address, target) for k, v in child(result, "data").items()}
    elif kind == "Service":
        _forget_node_ports(result["spec"])
    return result


def _with(address: re.Pattern[str], target: str) -> Callable[[str], str]:
    return lambda text: address.sub(target, text)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _texts(item, change) for key, item in value.items()}
    return [_texts(item, change) for item in value] if isinstance(value, list) else value


def _select(value: Any, source: str, target: str) -> None:
    """Let selectors that name the old namespace name the new one."""
    if isinstance(value, list):
        for item in value:
            _select(item, source, target)
    elif isinstance(value, dict):
        labels = value.get("matchLabels")
        if isinstance(labels, dict) and labels.get("kubernetes.io/metadata.name") == source:
            labels["kubernetes.io/metadata.name"] = target
        for item in value.values():
            _select(item, source, target)


def _inside(encoded: str, address: re.Pattern[str], target: str) -> str:
    try:
        plain = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return encoded
    return base64.b64encode(address.sub(target, plain).encode()).decode()


def _forget_node_ports(spec: dict[str, Any]) -> None:
    spec.pop("healthCheckNodePort", None)
    for port in children(spec, "ports"):
        port.pop("nodePort", None)
