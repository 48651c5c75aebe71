"""The API's failures: an ApiError carries the HTTP code and the Status object that the client reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.kubernetes.resources import Resource


class ApiError(Exception):
    """A request that failed, as the real API would put it."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}
        self.list_metadata: dict[str, Any] = {}

    def status(self) -> dict[str, Any]:
        """Return the Status object for the response body or a watch's ERROR event."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.list_metadata,
            "status": "Failure",
            "message": str(self),
            "details": self.details,
            "code": self.code,
        }
        return status | ({"reason": self.reason} if self.reason else {})


def success(resource: Resource, name: str, uid: str) -> dict[str, Any]:
    """Return the Status object that answers a deletion."""
    details = {**_details(resource, name), "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _details(resource: Resource, name: str) -> dict[str, Any]:
    details = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return details


def not_found(resource: Resource, name: str) -> ApiError:
    """The object does not exist."""
    message = f'{resource.qualified} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(resource, name))


def no_such_path() -> ApiError:
    """The path names nothing that an API server with this server's resources would have."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> ApiError:
    """An object of that name exists."""
    message = f'{resource.qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> ApiError:
    """The object has changed since the client read it, or is not the one it means."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


_REASONS = {
    "Required value": "FieldValueRequired",
    "Duplicate value": "FieldValueDuplicate",
    "Unsupported value": "FieldValueNotSupported",
    "Forbidden": "FieldValueForbidden",
    "Not found": "FieldValueNotFound",
}


def invalid(resource: Resource, name: str, field: str, message: str) -> ApiError:
    """A field's value is not acceptable."""
    return invalid_fields(resource, name, [(field, message)])


def invalid_fields(resource: Resource, name: str, fields: list[tuple[str, str]]) -> ApiError:
    """Some fields' values are not acceptable; each with what is wrong, as in `Required value`."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    causes = [
        {
            "reason": _REASONS.get(message.partition(":")[0], "FieldValueInvalid"),
            "message": message,
            "field": field,
        }
        for field, message in fields
    ]
    details = {**_details(resource, name), "kind": resource.kind, "causes": causes}
    said = [f"{field}: {message}" for field, message in fields]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def forbidden(
    resource: Resource, name: str, why: str, causes: list[dict[str, str]] | None = None
) -> ApiError:
    """The cluster's rules refuse the request."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    details = _details(resource, name) | ({"causes": causes} if causes else {})
    return ApiError(403, "Forbidden", message, details)


def bad_request(message: str) -> ApiError:
    """The request makes no sense."""
    return ApiError(400, "BadRequest", message)


def unclear(message: str) -> ApiError:
    """The request makes no sense, and the real API has no word for why."""
    return ApiError(500, "", message)


def unauthorized() -> ApiError:
    """No bearer token, or not ours."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def expired(message: str) -> ApiError:
    """The resource version or continue token is older than what the server still knows."""
    return ApiError(410, "Expired", message)


def unsupported_media_type(accepted: str) -> ApiError:
    """The body's content type is not one the resource takes."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


def method_not_allowed(method: str) -> ApiError:
    """The resource has no such verb."""
    message = f"the server does not allow this method on the requested resource: {method}"
    return ApiError(405, "MethodNotAllowed", message)


def not_implemented(what: str) -> ApiError:
    """The real API has this; the sandbox does not."""
    return ApiError(501, "NotImplemented", f"the sandbox's Kubernetes API does not implement {what}")
