"""One HTTP service: where it is, how to reach it, and how its failures are told apart."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from upkeep.clients.answers import NotFoundError, parse_json, safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

if TYPE_CHECKING:
    import httpx

CONNECT_RETRIES = 2
"""Quick repeats of a connection that failed: a restart of a pod behind a service, not an outage."""

CONNECT_TIMEOUT_SECONDS = 3.0
"""A service that takes longer than this to accept a connection is down for our purposes."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""The longest answer taken: far above any honest one, far below the memory of a worker."""

MAX_CONNECTIONS = 10
"""Connections kept to one service: the checks of one task run concurrently."""


@dataclass(frozen=True)
class Endpoint:
    """Where an HTTP service is and how to reach it; its repr shows no secret.

    base_url: http or https, without user and password. headers: sent with every request.
    auth: user and password. ca_file: PEM file of the authority to trust instead of the public ones.
    timeout_seconds: for a whole request, from its start to the last byte of the answer.

    Raises ConfigurationError if the URL or the time-out cannot be used.
    """

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None
    ca_file: str | None = None
    timeout_seconds: float = 10

    def __post_init__(self) -> None:
        check_url(self.base_url)
        if not self.timeout_seconds > 0:
            raise ConfigurationError(f"{self.base_url}: timeout_seconds must be above 0")

    def __repr__(self) -> str:
        headers = ", ".join(f"{name}: ***" for name in sorted(self.headers))
        auth = "***" if self.auth else None
        return (
            f"Endpoint({self.base_url!r}, headers={{{headers}}}, auth={auth}, "
            f"ca_file={self.ca_file!r}, timeout_seconds={self.timeout_seconds})"
        )


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer. where: method and URL without query, for messages."""

    status: int
    body: bytes = field(repr=False)
    elapsed_seconds: float
    where: str


def check_url(url: str) -> None:
    """Raise ConfigurationError if `url` is no http(s) URL with a host, or carries credentials."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as e:
        raise ConfigurationError(f"not a URL: {e}") from e
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            f"the URL of {host} carries credentials: put them into the connection instead"
        )
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError(f"not an http or https URL with a host: {safe_excerpt(url)!r}")


@lru_cache(maxsize=32)
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a verifying TLS context that trusts `ca_file`, or else the public authorities.

    Raises ConfigurationError if the file cannot be read. Kept: loading the authorities takes 20 ms.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as e:
        raise ConfigurationError(f"cannot read the certificate authority file {ca_file}: {e}") from e


def make_client(endpoint: Endpoint) -> httpx.Client:
    """Return a pooled, thread-safe HTTP client for `endpoint`; the caller closes it.

    Proxies and credentials of the environment are not used: the connection says everything.
    Raises ConfigurationError if the certificate authority file cannot be read.
    """
    import httpx

    connect = min(CONNECT_TIMEOUT_SECONDS, endpoint.timeout_seconds / (CONNECT_RETRIES + 1))
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
    verify = tls_context(endpoint.ca_file)
    return httpx.Client(
        base_url=endpoint.base_url,
        headers={**endpoint.headers},
        auth=endpoint.auth,
        timeout=httpx.Timeout(endpoint.timeout_seconds, connect=connect),
        transport=httpx.HTTPTransport(verify=verify, limits=limits, retries=CONNECT_RETRIES),
        trust_env=False,
    )


@contextmanager
def _transport_errors(where: str, timeout: float | None) -> Iterator[None]:
    """Translate httpx's exceptions into ours."""
    import httpx

    try:
        yield
    except httpx.TimeoutException as e:
        raise TemporaryError(f"{where}: no answer within {timeout} s; is the service overloaded?") from e
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as e:
        raise ConfigurationError(f"{where}: the URL cannot be used: {safe_excerpt(str(e))}") from e
    except httpx.ConnectError as e:
        if "certificate verify failed" in str(e).lower():
            raise ConfigurationError(
                f"{where}: the certificate is not trusted: {safe_excerpt(str(e))}"
            ) from e
        raise TemporaryError(f"{where}: cannot connect: {safe_excerpt(str(e))}; is the service up?") from e
    except httpx.RemoteProtocolError as e:
        message = safe_excerpt(str(e))
        if "disconnected" in message or "closed connection" in message:
            raise TemporaryError(f"{where}: the connection was closed before the answer: {message}") from e
        raise BadAnswer(f"{where}: the answer is not HTTP: {message}") from e
    except httpx.DecodingError as e:
        raise BadAnswer(f"{where}: the answer cannot be decompressed: {safe_excerpt(str(e))}") from e
    except httpx.TransportError as e:
        raise TemporaryError(
            f"{where}: the connection failed: {safe_excerpt(str(e)) or type(e).__name__}"
        ) from e


def fetch(
    client: httpx.Client,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    max_bytes: int = MAX_ANSWER_BYTES,
) -> Answer:
    """GET `path` and return the answer, whatever its status.

    The client's read time-out bounds the whole request, so a server that drips bytes is left too.
    Raises TemporaryError (refused, timed out, cut off), ConfigurationError (bad URL, untrusted
    certificate) and BadAnswer (not HTTP, or longer than `max_bytes` after decompression).
    """
    started = time.monotonic()
    where = f"GET {str(client.base_url).rstrip('/')}{path}"
    timeout = client.timeout.read
    chunks: list[bytes] = []
    size = 0
    with _transport_errors(where, timeout), client.stream("GET", path, params=dict(params or {})) as response:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > max_bytes:
                raise BadAnswer(f"{where}: the answer is longer than {max_bytes} bytes; ask for less")
            if timeout is not None and time.monotonic() - started > timeout:
                raise TemporaryError(f"{where}: the answer was not complete within {timeout} s")
            chunks.append(chunk)
        status = response.status_code
    return Answer(status, b"".join(chunks), time.monotonic() - started, where)


def status_error(status: int, where: str, body: str | bytes) -> UpkeepError | None:
    """Return the error that an HTTP status stands for, None for a success (2xx)."""
    if 200 <= status < 300:
        return None
    said = f"{where}: HTTP {status}: {safe_excerpt(body)!r}"
    if status in {408, 429} or status >= 500:
        return TemporaryError(said)
    if status in {401, 403}:
        return ConfigurationError(f"{said}; check the connection's credentials and rights")
    if status in {404, 410}:
        return NotFoundError(said)
    if 300 <= status < 400:
        return ConfigurationError(f"{said}; it redirects: give the connection the final address")
    return PermanentError(said)


def get_json(client: httpx.Client, path: str, params: Mapping[str, Any] | None = None) -> Any:
    """GET `path` and return its JSON.

    Raises TemporaryError (refused, timed out, 408, 429, 5xx), NotFoundError (404, 410),
    ConfigurationError (401, 403, a redirect, an untrusted certificate), PermanentError (other 4xx)
    and BadAnswer (not JSON, too long).
    """
    answer = fetch(client, path, params)
    error = status_error(answer.status, answer.where, answer.body)
    if error is not None:
        raise error
    return parse_json(answer.body, answer.where)
