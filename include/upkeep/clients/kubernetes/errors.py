"""What goes wrong with a request to the Kubernetes API, told apart."""

from __future__ import annotations

from upkeep.clients.answers import child, mapping, parse_json, safe_excerpt, text
from upkeep.clients.endpoint import status_error
from upkeep.clients.transport import CHUNK_BYTES, Response
from upkeep.errors import BadAnswer, PermanentError, TemporaryError


class ExpiredError(TemporaryError):
    """A list expired between two pages. token: where to go on in the newest state, if anywhere."""

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


class RefusedError(PermanentError):
    """The API server refused a write. status: of HTTP. reason: its word, such as `Forbidden`, `Conflict`."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def _said(response: Response, where: str) -> tuple[str, str, str]:
    """Return message, reason and continue token of a failure's Status."""
    body = b""
    while piece := response.read1(CHUNK_BYTES, decode_content=True):
        body += piece
        if len(body) >= CHUNK_BYTES:
            break
    try:
        status = mapping(parse_json(body, where), where)
        message = text(status, "message") or safe_excerpt(body)
        return message, text(status, "reason"), text(child(status, "metadata"), "continue")
    except BadAnswer:
        return safe_excerpt(body), "", ""


def read_error(response: Response, where: str) -> Exception:
    """Return our error for an answer that is no success."""
    message, reason, token = _said(response, where)
    if response.status == 410:
        return ExpiredError(f"{where}: HTTP 410 {reason}: {safe_excerpt(message)}", token)
    error = status_error(response.status, where, f"{reason}: {message}")
    return error or BadAnswer(f"{where}: HTTP {response.status}")


def write_error(response: Response, where: str) -> Exception:
    """Return our error for a write that was no success."""
    if response.status not in {400, 403, 405, 409, 413, 415, 422, 500}:
        return read_error(response, where)
    message, reason, _ = _said(response, where)
    said = f"{where}: HTTP {response.status} {reason}: {safe_excerpt(message)}"
    # Server-side apply answers so to a field of the wrong type, which no repeat puts right.
    if response.status == 500 and "failed to create typed patch object" not in message:
        return TemporaryError(said)
    return RefusedError(said, response.status, reason)
