"""What is posted to us, read up to a limit and parsed; what cannot be read is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request, status

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def body_of(limit: int) -> Callable[[Request], Awaitable[bytes]]:
    """Return a dependency that reads a request's body of at most `limit` bytes; more is refused with 413."""

    async def read(request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise HTTPException(
                    status.HTTP_413_CONTENT_TOO_LARGE, f"the body is larger than {limit} bytes"
                )
        return bytes(body)

    return read


def media_type(request: Request) -> str:
    """Return the body's type without its parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def form_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form; of a field that comes twice the last counts. Refuses garbage with 400."""
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
        )
    except ValueError as e:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "the body is not a form") from e


def json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; no body is an empty one. Refuses anything else with 400."""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as e:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "the body is not JSON") from e
    if not isinstance(found, dict):
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "the body is not a JSON object")
    return found
