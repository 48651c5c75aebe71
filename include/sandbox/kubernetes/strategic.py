"""Strategic merge patch: objects merge by key, and lists of named things merge item by item."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.errors import bad_request

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "ports": ("containerPort", "port"),
    "resourceClaims": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists whose items merge, and the field that names an item. Every other list is replaced whole."""

_PRIMITIVE_MERGE = {"finalizers"}
_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"


def strategic_merge(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """Return `target` after the patch; raise ApiError 400 for an unknown directive."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if not key.startswith("$")}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"unknown patch type: {directive}")
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(result, key, value)
    _apply_directives(result, patch)
    return result


def _merge_field(result: dict[str, Any], key: str, value: Any) -> None:
    if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
        result.pop(key, None)
    elif isinstance(value, dict):
        result[key] = strategic_merge(result.get(key), value)
    elif isinstance(value, list):
        result[key] = _merge_list(key, result.get(key), value)
    else:
        result[key] = value


def _apply_directives(result: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if key.startswith(_ORDER):
            field = key.removeprefix(_ORDER)
            result[field] = _ordered(field, result.get(field) or [], value)
        elif key.startswith(_DELETE_PRIMITIVES):
            field = key.removeprefix(_DELETE_PRIMITIVES)
            result[field] = [item for item in result.get(field) or [] if item not in value]
        elif key == "$retainKeys":
            for field in [field for field in result if field not in value]:
                del result[field]


def _merge_list(field: str, old: Any, new: list[Any]) -> list[Any]:
    if field in _PRIMITIVE_MERGE and isinstance(old, list):
        return old + [item for item in new if item not in old]
    name = _merge_key(field, new)
    if name is None:
        return new
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in new):
        return [item for item in new if "$patch" not in item]
    result = list(old) if isinstance(old, list) else []
    for item in new:
        _merge_item(result, name, item)
    return result


def _merge_item(result: list[Any], name: str, item: dict[str, Any]) -> None:
    if item.get(name) is None:
        raise bad_request(f"map: {item} does not contain declared merge key: {name}")
    found = next((i for i, old in enumerate(result) if old.get(name) == item[name]), None)
    if item.get("$patch") == "delete":
        if found is not None:
            del result[found]
    elif found is None:
        result.append(strategic_merge({}, item))
    else:
        result[found] = strategic_merge(result[found], item)


def _merge_key(field: str, items: list[Any]) -> str | None:
    """Return the field that names the items of a mergeable list, else None."""
    if not all(isinstance(item, dict) for item in items):
        return None
    names = MERGE_KEYS.get(field, ())
    return next((name for name in names if any(name in item for item in items)), next(iter(names), None))


def _ordered(field: str, items: list[Any], order: list[Any]) -> list[Any]:
    """Return the items in the patch's order; those that the patch does not know follow as they were."""
    name = _merge_key(field, items)
    if name is None:
        return sorted(items, key=lambda item: order.index(item) if item in order else len(order))
    places = {entry.get(name): place for place, entry in enumerate(order)}
    return sorted(items, key=lambda item: places.get(item.get(name), len(places)))
