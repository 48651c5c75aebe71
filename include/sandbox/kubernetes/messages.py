"""Requests in, responses out: bodies, content types and JSON."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from sandbox.kubernetes.errors import ApiError, bad_request, not_implemented
from sandbox.kubernetes.objects import Object

_PROTOBUF_MAGIC = b"k8s\x00"


def encode(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def respond(value: Any, code: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(body=encode(value), status=code, content_type="application/json", headers=headers)


def respond_error(error: ApiError) -> web.Response:
    """Return a failure's Status as a response."""
    return respond(error.status(), error.code)


async def read_json(request: web.Request) -> Any:
    """Return the request's body, None if it is empty; raise ApiError 400, or 501 for other encodings."""
    raw = await request.read()
    if not raw:
        return None
    if raw.startswith(_PROTOBUF_MAGIC) or "protobuf" in request.content_type:
        raise not_implemented("protobuf bodies (send application/json)")
    if "yaml" in request.content_type and "apply-patch" not in request.content_type:
        raise not_implemented("YAML bodies (send application/json)")
    try:
        return json.loads(raw)
    except ValueError as e:
        if "apply-patch" in request.content_type:
            raise not_implemented("YAML bodies (send JSON, which is YAML too)") from e
        raise bad_request(f"couldn't read the body as JSON: {e}") from e


async def read_object(request: web.Request) -> Object:
    """Return the request's body as an object; raise ApiError 400 if it is none."""
    body = await read_json(request)
    if not isinstance(body, dict) or not isinstance(body.get("metadata", {}), dict):
        raise bad_request("the body must be an API object")
    return body


def check_accept(request: web.Request) -> None:
    """Raise ApiError 501 if the client takes nothing but protobuf."""
    accepted = request.headers.get("Accept", "*/*")
    kinds = [kind.strip() for kind in accepted.split(",")]
    if all("protobuf" in kind for kind in kinds):
        raise not_implemented(f"protobuf answers (accept application/json besides {accepted})")


def wants_table(request: web.Request) -> bool:
    """Tell whether the client would rather have a table, as `kubectl get` does."""
    return "as=Table" in request.headers.get("Accept", "")


def wants_metadata(request: web.Request) -> bool:
    """Tell whether the client wants the objects' metadata alone."""
    return "as=PartialObjectMetadata" in request.headers.get("Accept", "")


def partial(obj: Object) -> Object:
    """Return an object's metadata alone."""
    head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {**head, "metadata": obj["metadata"]}
