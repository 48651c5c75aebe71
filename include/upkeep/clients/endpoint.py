"""One HTTP service: where it is, how to reach it, and how its failures are told apart."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit

from upkeep.clients.answers import NotFoundError, parse_json, safe_excerpt
from upkeep.clients.transport import once, pieces, transport_errors
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

if TYPE_CHECKING:
    import urllib3

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


@dataclass(frozen=True)
class Client:
    """The connections to one end point; safe to use from several threads. Close it, or use it in a `with`."""

    base_url: str
    timeout_seconds: float
    pool: urllib3.HTTPConnectionPool = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()


def make_client(endpoint: Endpoint) -> Client:
    """Return a client for `endpoint`.

    Proxies and credentials of the environment are not used: the connection says everything.
    Raises ConfigurationError if the certificate authority file cannot be read.
    """
    import urllib3

    headers = {
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "upkeep",
        **endpoint.headers,
    }
    if endpoint.auth is not None:
        headers["Authorization"] = f"Basic {b64encode(':'.join(endpoint.auth).encode()).decode()}"
    tls = (
        {"ssl_context": tls_context(endpoint.ca_file)}
        if urlsplit(endpoint.base_url).scheme == "https"
        else {}
    )
    pool = urllib3.connection_from_url(
        endpoint.base_url, headers=headers, maxsize=MAX_CONNECTIONS, block=True, **tls
    )
    return Client(endpoint.base_url.rstrip("/"), endpoint.timeout_seconds, pool)


def fetch(
    client: Client,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    max_bytes: int = MAX_ANSWER_BYTES,
) -> Answer:
    """GET `path` and return the answer, whatever its status.

    The client's time-out bounds the whole request, so a server that drips bytes is left too.
    Raises TemporaryError (refused, timed out, cut off), ConfigurationError (bad URL, untrusted
    certificate) and BadAnswer (not HTTP, or longer than `max_bytes` after decompression).
    """
    started = time.monotonic()
    timeout = client.timeout_seconds
    where = f"GET {client.base_url}{path}"
    target = urlsplit(client.base_url).path + path + (f"?{urlencode(params, doseq=True)}" if params else "")
    body = bytearray()
    with transport_errors(where, timeout):
        response = client.pool.urlopen("GET", target, pool_timeout=ceil(timeout), **once(timeout))
        try:
            for piece in pieces(response, started + timeout, where, timeout):
                body += piece
                if len(body) > max_bytes:
                    raise BadAnswer(f"{where}: the answer is longer than {max_bytes} bytes; ask for less")
            response.release_conn()
        finally:
            response.close()
    return Answer(response.status, bytes(body), time.monotonic() - started, where)


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


def get_json(client: Client, path: str, params: Mapping[str, Any] | None = None) -> Any:
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
