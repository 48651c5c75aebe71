"""Whether a body is of the kind, the types and the identity that its path asks for."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.decoding import wrong_type
from sandbox.kubernetes.errors import bad_request, conflict, invalid
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.patches import apply_patch
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.routing import Target


def check_kind(resource: Resource, body: Object) -> None:
    """Raise ApiError 400 for an object of another kind or version than the path's."""
    given = body.get("apiVersion") or resource.api_version, body.get("kind") or resource.kind
    if given != (resource.api_version, resource.kind):
        message = f"{given[1]} in version {given[0]!r} cannot be handled as a {resource.kind}"
        raise bad_request(f"{message} in version {resource.api_version!r}")


def check_types(resource: Resource, obj: Object) -> None:
    """Raise ApiError 400 for a field of the wrong type."""
    if wrong := wrong_type(resource, obj):
        raise bad_request(f"{resource.kind} in version {resource.version!r} cannot be handled: {wrong}")


def patched(target: Target, content_type: str, base: Object, patch: Any) -> Object:
    """Return an object after a patch, if it is still one of its kind and the same one."""
    new = apply_patch(target.resource, content_type, base, patch)
    if wrong := wrong_type(target.resource, new):
        raise invalid(target.resource, target.name, "patch", f"Invalid value: {wrong}")
    uid = (new.get("metadata") or {}).get("uid")
    if uid != base["metadata"]["uid"]:
        raise invalid(
            target.resource, target.name, "metadata.uid", f'Invalid value: "{uid}": field is immutable'
        )
    return new


def check_identity(target: Target, old: Object, new: Object) -> None:
    """Refuse an object of another name, kind, uid or version than the stored one's."""
    metadata = new.get("metadata") or {}
    if target.subresource != "scale":
        check_kind(target.resource, new)
    if metadata.get("name", target.name) != target.name:
        message = f"the name of the object ({metadata['name']}) does not match the name on the URL"
        raise bad_request(f"{message} ({target.name})")
    version = metadata.get("resourceVersion")
    if not version and target.resource.custom:
        message = "Invalid value: 0x0: must be specified for an update"
        raise invalid(target.resource, target.name, "metadata.resourceVersion", message)
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(target.resource, target.name)
    uid = metadata.get("uid")
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(target.resource, target.name, why)
