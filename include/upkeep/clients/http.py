"""One look at a health end point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from upkeep.clients.answers import parse_json, safe_excerpt
from upkeep.clients.endpoint import Endpoint, check_url, fetch, make_client
from upkeep.errors import BadAnswer

MAX_HEALTH_BYTES = 1024 * 1024
"""A health end point that answers more than this is no health end point."""


@dataclass(frozen=True)
class ProbeResult:
    """What a health end point answered.

    as_expected: the status is the one that means healthy. elapsed_seconds: to the last byte.
    body_excerpt: its beginning, secrets masked. json: the parsed body, None if it is no JSON.
    """

    status: int
    as_expected: bool
    elapsed_seconds: float
    body_excerpt: str
    json: Any


def probe(
    url: str, timeout_seconds: float = 10, ca_file: str | None = None, expect_status: int = 200
) -> ProbeResult:
    """GET `url` once and return what it answers; a bad status is an answer, not an error.

    Redirects are not followed. Raises TemporaryError (refused, timed out, cut off),
    ConfigurationError (bad URL, credentials in it, untrusted certificate) and BadAnswer (not HTTP, huge).
    """
    check_url(url)
    parts = urlsplit(url)
    endpoint = Endpoint(f"{parts.scheme}://{parts.netloc}", ca_file=ca_file, timeout_seconds=timeout_seconds)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    with make_client(endpoint) as client:
        answer = fetch(client, parts.path or "/", query, max_bytes=MAX_HEALTH_BYTES)
    return ProbeResult(
        status=answer.status,
        as_expected=answer.status == expect_status,
        elapsed_seconds=answer.elapsed_seconds,
        body_excerpt=safe_excerpt(answer.body),
        json=_json_or_none(answer.body),
    )


def _json_or_none(body: bytes) -> Any:
    try:
        return parse_json(body, "body")
    except BadAnswer:
        return None
