"""The patch kinds that the API takes."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from sandbox.kubernetes.errors import ApiError, bad_request, unsupported_media_type
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.strategic import strategic_merge

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_UNPROCESSABLE = "the server rejected our request due to an error in our request"


def apply_patch(resource: Resource, content_type: str, obj: Object, patch: Any) -> Object:
    """Return `obj` patched; raise ApiError 400, 415 or 422 as the real API would."""
    if content_type == JSON_PATCH:
        return _json_patch(obj, patch)
    if content_type == STRATEGIC_PATCH and not resource.custom:
        return strategic_merge(obj, _mapping(patch))
    if content_type == MERGE_PATCH:
        merged: Object = merge(obj, _mapping(patch))
        return merged
    kinds = (JSON_PATCH, MERGE_PATCH) if resource.custom else (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)
    raise unsupported_media_type(", ".join(kinds))


def is_apply(content_type: str) -> bool:
    """Tell whether this is the patch kind that also creates."""
    return "apply-patch" in content_type


def as_applied(resource: Resource, obj: Object, body: Object) -> Object:
    """Return `obj` with what `body` says; what it leaves out stays, as if others owned it."""
    applied: Object = merge(obj, body) if resource.custom else strategic_merge(obj, body)
    return applied


def _mapping(patch: Any) -> Object:
    if not isinstance(patch, dict):
        raise bad_request("the patch must be a JSON object")
    return patch


def _json_patch(obj: Object, patch: Any) -> Object:
    if not isinstance(patch, list):
        raise bad_request("a JSON patch must be a list of operations")
    try:
        return jsonpatch.apply_patch(obj, patch)  # type: ignore[no-any-return]
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as e:
        raise ApiError(422, "Invalid", f"{_UNPROCESSABLE}: {e}") from e


def merge(target: Any, patch: Any) -> Any:
    """Return `target` after a JSON merge patch (RFC 7386): null removes, objects merge, the rest replaces.

    >>> merge({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
