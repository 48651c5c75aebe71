"""The schemas of custom resources (OpenAPI v3, structural): what they drop, fill in and refuse."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
Complaint = tuple[str, str]
"""A field and what is wrong with it."""

_KEEP = "x-kubernetes-preserve-unknown-fields"
_NUMBER_OR_TEXT = "x-kubernetes-int-or-string"
_OWN = ("apiVersion", "kind", "metadata")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}


def shaped(schema: Schema, obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what its schema does not know, and with the schema's defaults."""
    own = {key: obj[key] for key in _OWN if key in obj}
    known: dict[str, Any] = _shaped(schema, {key: value for key, value in obj.items() if key not in _OWN})
    return own | known


def _shaped(schema: Schema, value: Any) -> Any:
    if isinstance(value, list):
        return [_shaped(schema.get("items") or {}, item) for item in value]
    if not isinstance(value, dict):
        return value
    properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
    inner = more if isinstance(more, dict) else {}
    found = {}
    for key, item in value.items():
        if key in properties:
            found[key] = _shaped(properties[key], item)
        elif schema.get(_KEEP) or more:
            found[key] = item if schema.get(_KEEP) else _shaped(inner, item)
    for key, part in properties.items():
        absent = key not in found or (found[key] is None and not part.get("nullable"))
        if absent and "default" in part:
            found[key] = _shaped(part, copy.deepcopy(part["default"]))
    return found


def complaints(schema: Schema, value: Any, field: str = "") -> Iterator[Complaint]:
    """Yield what the schema refuses in a value."""
    if value is None and schema.get("nullable"):
        return
    if wanted := _wrong_type(schema, value):
        yield (
            field,
            f'Invalid value: "{_kind(value)}": {field} in body must be of type {wanted}: "{_kind(value)}"',
        )
        return
    yield from ((field, message) for message in _refused(schema, value))
    if isinstance(value, dict):
        yield from _of_object(schema, value, field)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from complaints(schema.get("items") or {}, item, f"{field}[{index}]")


def _of_object(schema: Schema, value: dict[str, Any], field: str) -> Iterator[Complaint]:
    properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
    dot = f"{field}." if field else ""
    for key in schema.get("required") or ():
        if key not in value:
            yield f"{dot}{key}", "Required value"
    for key, item in value.items():
        part = properties.get(key, more if isinstance(more, dict) else {})
        yield from complaints(part, item, f"{dot}{key}")


def _wrong_type(schema: Schema, value: Any) -> str | None:
    """Return the type that a value should have, or None if it has it."""
    if schema.get(_NUMBER_OR_TEXT):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
        return None if fits else "integer,string"
    wanted = schema.get("type")
    if wanted is None:
        return None
    fits = isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
    return None if fits else str(wanted)


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _refused(schema: Schema, value: Any) -> Iterator[str]:
    """Yield what is wrong with a value of the right type."""
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{item}"' for item in schema["enum"])
        yield f'Unsupported value: "{value}": supported values: {supported}'
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"Invalid value: \"{value}\": should match '{schema['pattern']}'"
    size = value if isinstance(value, int | float) else len(value) if hasattr(value, "__len__") else 0
    for name in ("maximum", "maxLength", "maxItems"):
        if name in schema and size > schema[name]:
            yield f"Invalid value: {value!r}: should be less than or equal to {schema[name]}"
    for name in ("minimum", "minLength", "minItems"):
        if name in schema and size < schema[name]:
            yield f"Invalid value: {value!r}: should be greater than or equal to {schema[name]}"
