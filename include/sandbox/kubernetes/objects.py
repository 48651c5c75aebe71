"""Small functions on API objects. Stored objects are shared: never change one in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace (empty for cluster-wide objects) and name."""


def key_of(obj: Object) -> Key:
    """Return an object's namespace and name."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def labels_of(obj: Object) -> dict[str, str]:
    """Return an object's labels."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return an object's annotations."""
    return obj["metadata"].get("annotations") or {}


def with_metadata(obj: Object, **changes: Any) -> Object:
    """Return a copy with some metadata replaced; None drops an entry."""
    metadata = {**obj["metadata"], **changes}
    return {**obj, "metadata": {key: value for key, value in metadata.items() if value is not None}}


def owner_reference(owner: Object) -> Object:
    """Return the reference by which `owner` controls an object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """Return the reference to the object that controls this one, or None."""
    references = obj["metadata"].get("ownerReferences") or []
    return next((r for r in references if r.get("controller")), None)


def condition(obj: Object, kind: str) -> Object | None:
    """Return the condition of that type from an object's status, or None."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    """Tell whether a condition of that type is there and true."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def with_condition(conditions: list[Object] | None, new: Object, stamp: str) -> list[Object]:
    """Return the conditions with `new` put in; its transition time moves only when its status does."""
    old = next((c for c in conditions or [] if c["type"] == new["type"]), None)
    moved = old is None or old["status"] != new["status"]
    entry = {**new, "lastTransitionTime": stamp if moved or not old else old.get("lastTransitionTime", stamp)}
    if old is None:
        return [*(conditions or []), entry]
    return [entry if c["type"] == new["type"] else c for c in conditions or []]


def dig(obj: Any, *path: str | int) -> Any:
    """Return the value at a path of keys and indexes, or None where the path ends early."""
    for step in path:
        if isinstance(step, str) and isinstance(obj, Mapping):
            obj = obj.get(step)
        elif isinstance(step, int) and isinstance(obj, list) and -len(obj) <= step < len(obj):
            obj = obj[step]
        else:
            return None
    return obj


def is_deleting(obj: Object) -> bool:
    """Tell whether the object is on its way out."""
    return "deletionTimestamp" in obj["metadata"]


def is_ready(pod: Object) -> bool:
    """Tell whether a pod serves: running, ready and not on its way out."""
    return is_true(pod, "Ready") and not is_deleting(pod)


def is_finished(pod: Object) -> bool:
    """Tell whether a pod has run to its end."""
    return dig(pod, "status", "phase") in ("Succeeded", "Failed")
