"""The types that an object must have before anything else is asked of it."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.resources import Resource

_TEXTS = ("metadata.labels", "metadata.annotations")
_HOLDS_TEXTS = {("", "configmaps"): ("data", "binaryData"), ("", "secrets"): ("data", "stringData")}
_NUMBERS = ("spec.replicas", "spec.parallelism", "spec.completions", "spec.backoffLimit")


def wrong_type(resource: Resource, obj: Object) -> str | None:
    """Return the complaint about the first field of another type than the API's, or None.

    Looks at what clients get wrong most: maps of texts, and numbers.
    """
    for field in (*_TEXTS, *_HOLDS_TEXTS.get(resource.id, ())):
        if wrong := _not_texts(dig(obj, *field.split("."))):
            return (
                f"json: cannot unmarshal {wrong} into Go struct field {resource.kind}.{field} of type string"
            )
    for field in () if resource.custom else _NUMBERS:
        value = dig(obj, *field.split("."))
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            wrong = _json_type(value)
            return (
                f"json: cannot unmarshal {wrong} into Go struct field {resource.kind}.{field} of type int32"
            )
    return None


def _not_texts(value: Any) -> str | None:
    """Return the JSON type of what is no map of texts, or of the value in it that is no text."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return _json_type(value)
    return next((_json_type(item) for item in value.values() if not isinstance(item, str | None)), None)


def _json_type(value: Any) -> str:
    """Return the name of a value's type in JSON.

    >>> [_json_type(value) for value in (True, 1, [], {}, "a")]
    ['bool', 'number', 'array', 'object', 'string']
    """
    if isinstance(value, bool):
        return "bool"
    kinds = {int: "number", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "string")
