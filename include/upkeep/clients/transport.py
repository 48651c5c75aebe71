"""What all requests over urllib3 share: time-outs, repeats, and what goes wrong, told apart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from upkeep.clients.answers import safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError

CHUNK_BYTES = 65536

CONNECT_RETRIES = 2
"""Quick repeats of a connection that failed: a restart of a pod behind a service, not an outage."""

CONNECT_TIMEOUT_SECONDS = 3.0
"""A service that takes longer than this to accept a connection is down for our purposes."""


class Response(Protocol):
    """What is used of urllib3's response."""

    status: int

    def read1(self, amt: int, decode_content: bool) -> bytes:
        """Return what has arrived of the body, waiting only if nothing has; nothing at its end."""

    def close(self) -> None:
        """Close the connection."""

    def release_conn(self) -> None:
        """Give the connection back to the pool."""


def once(timeout_seconds: float) -> dict[str, Any]:
    """Return urllib3's options for a request that is sent once, and whose answer is given as it is."""
    import urllib3

    connect = min(CONNECT_TIMEOUT_SECONDS, timeout_seconds / (CONNECT_RETRIES + 1))
    return {
        "timeout": urllib3.Timeout(connect=connect, read=timeout_seconds),
        "retries": urllib3.Retry(
            connect=CONNECT_RETRIES,
            read=0,
            redirect=0,
            status=0,
            other=0,
            respect_retry_after_header=False,  # a 429 is answered like every other status
        ),
        "redirect": False,
        "preload_content": False,
    }


def pieces(response: Response, deadline: float, where: str, timeout_seconds: float) -> Iterator[bytes]:
    """Yield the body as it arrives; raise TemporaryError if it is not complete by then (monotonic time)."""
    while piece := response.read1(CHUNK_BYTES, decode_content=True):
        if time.monotonic() > deadline:
            raise TemporaryError(f"{where}: the answer was not complete within {timeout_seconds} s")
        yield piece


@contextmanager
def transport_errors(where: str, timeout_seconds: float) -> Iterator[None]:
    """Translate urllib3's exceptions into ours."""
    import urllib3.exceptions as their

    try:
        yield
    except their.MaxRetryError as e:
        raise _transport_error(e.reason or e, where, timeout_seconds) from e
    except (their.HTTPError, OSError) as e:
        raise _transport_error(e, where, timeout_seconds) from e


def _transport_error(e: Exception, where: str, timeout_seconds: float) -> TemporaryError | PermanentError:
    import urllib3.exceptions as their

    said = safe_excerpt(str(e))
    if isinstance(e, their.NewConnectionError):
        return TemporaryError(f"{where}: cannot connect: {said}; is the service up?")
    if isinstance(e, their.TimeoutError | TimeoutError):
        return TemporaryError(f"{where}: no answer within {timeout_seconds} s; is the service overloaded?")
    if "certificate verify failed" in str(e).lower():
        return ConfigurationError(f"{where}: the certificate is not trusted: {said}")
    if isinstance(e, their.DecodeError) or "BadStatusLine" in str(e):
        what = "cannot be decompressed" if isinstance(e, their.DecodeError) else "is not HTTP"
        return BadAnswer(f"{where}: the answer {what}: {said}")
    if isinstance(e, their.LocationParseError | their.LocationValueError):
        return ConfigurationError(f"{where}: the address cannot be used: {said}")
    return TemporaryError(f"{where}: the connection failed: {said}")
