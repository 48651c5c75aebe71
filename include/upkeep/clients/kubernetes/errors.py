"""What goes wrong with a request to the Kubernetes API, told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from upkeep.clients.answers import child, mapping, parse_json, safe_excerpt, text
from upkeep.clients.endpoint import status_error
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError

CHUNK_BYTES = 65536


class Response(Protocol):
    """What is used of urllib3's response."""

    status: int

    def read1(self, amt: int, decode_content: bool) -> bytes:
        """Return what has arrived of the body, waiting only if nothing has; nothing at its end."""

    def close(self) -> None:
        """Close the connection."""

    def release_conn(self) -> None:
        """Give the connection back to the pool."""


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


@contextmanager
def transport_errors(where: str, timeout: float) -> Iterator[None]:
    """Translate urllib3's exceptions into ours."""
    import urllib3.exceptions as their

    try:
        yield
    except their.MaxRetryError as e:
        raise _transport_error(e.reason or e, where, timeout) from e
    except (their.HTTPError, OSError) as e:
        raise _transport_error(e, where, timeout) from e


def _transport_error(e: Exception, where: str, timeout: float) -> TemporaryError | PermanentError:
    import urllib3.exceptions as their

    said = safe_excerpt(str(e))
    if isinstance(e, their.NewConnectionError):
        return TemporaryError(f"{where}: cannot connect: {said}; is the API server up?")
    if isinstance(e, their.TimeoutError | TimeoutError):
        return TemporaryError(f"{where}: no answer within {timeout} s")
    if "certificate verify failed" in str(e).lower():
        return ConfigurationError(f"{where}: the certificate is not trusted: {said}")
    if isinstance(e, their.DecodeError) or "BadStatusLine" in str(e):
        return BadAnswer(f"{where}: the answer is not HTTP: {said}")
    if isinstance(e, their.LocationParseError | their.LocationValueError):
        return ConfigurationError(f"{where}: the address cannot be used: {said}")
    return TemporaryError(f"{where}: the connection failed: {said}")
