"""What the API server refuses in a pod, or in the template of one."""

from __future__ import annotations

import re
from typing import Any

from sandbox.kubernetes.checking import Check
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.quantities import parse_quantity

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A name that can be a part of a host's name (RFC 1123)."""
_MOST_PORT = 65535


def pod_template(check: Check, path: str) -> None:
    """Check the pod's spec at a path."""
    check.required(f"{path}.containers")
    check.one_of(f"{path}.restartPolicy", "Always", "OnFailure", "Never")
    spec = dig(check.obj, *path.split("."))
    volumes = _names(check, f"{path}.volumes", spec.get("volumes") or [])
    # A stateful set's pods get a volume of each claim template besides.
    claims = dig(check.obj, "spec", "volumeClaimTemplates") or []
    volumes |= {claim["metadata"]["name"] for claim in claims}
    containers = spec["containers"]
    _names(check, f"{path}.containers", containers)
    for index, container in enumerate(containers):
        field = f"{path}.containers[{index}]"
        if not container.get("image"):
            raise check.fail(f"{field}.image", "Required value")
        _resources(check, field, container.get("resources") or {})
        _parts(check, field, container, volumes)


def _names(check: Check, path: str, items: list[Object]) -> set[str]:
    """Return the items' names, each of which must be one and be there once."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        name, field = item.get("name"), f"{path}[{index}].name"
        if not name:
            raise check.fail(field, "Required value")
        if not LABEL.fullmatch(name):
            raise check.fail(field, f'Invalid value: "{name}": must be a lowercase RFC 1123 label')
        if name in seen:
            raise check.fail(field, f'Duplicate value: "{name}"')
        seen.add(name)
    return seen


def _resources(check: Check, field: str, resources: Object) -> None:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for part, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            check.quantity(f"{field}.resources.{part}[{name}]", value)
    for name in requests.keys() & limits.keys():
        if parse_quantity(requests[name]) > parse_quantity(limits[name]):
            message = f'Invalid value: "{requests[name]}": must be less than or equal to {name} limit'
            raise check.fail(f"{field}.resources.requests", f"{message} of {limits[name]}")


def _parts(check: Check, field: str, container: dict[str, Any], volumes: set[str]) -> None:
    for index, entry in enumerate(container.get("env") or ()):
        if not entry.get("name"):
            raise check.fail(f"{field}.env[{index}].name", "Required value")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if not number or not 0 < number <= _MOST_PORT:
            what = f"Invalid value: {number}: must be between 1 and {_MOST_PORT}, inclusive"
            raise check.fail(f"{field}.ports[{index}].containerPort", what)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            raise check.fail(f"{field}.volumeMounts[{index}].name", f'Not found: "{mount.get("name")}"')
