"""The server: who may ask, and who answers."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import secrets
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.kubernetes.admin import add_admin_routes
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.every import manage
from sandbox.kubernetes.discovery import document
from sandbox.kubernetes.errors import ApiError, unauthorized
from sandbox.kubernetes.messages import check_accept, respond, respond_error
from sandbox.kubernetes.reading import read
from sandbox.kubernetes.routing import target_of
from sandbox.kubernetes.seed import plant
from sandbox.kubernetes.writing import write

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_BODY_LIMIT = 3 * 2**20
"""The real API's limit on a request's body, in bytes."""
_OPEN_PATHS = ("/version", "/healthz", "/readyz", "/livez")
"""What anyone may read, as on a real cluster."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Settings:
    """How to start. port: 0 for a free one. certificate, key: for https, both or none."""

    port: int
    state_file: Path
    token_file: Path
    certificate: Path | None = None
    key: Path | None = None


def make_app(cluster: Cluster, token: str) -> web.Application:
    """Return the application that serves a cluster to whoever has the token."""
    guards = [_guard(token), _answer_errors]
    app = web.Application(middlewares=guards, client_max_size=_BODY_LIMIT)  # type: ignore[arg-type]
    add_admin_routes(app, cluster)
    for path in ("/healthz", "/readyz", "/livez"):
        app.router.add_get(path, _healthy)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handle(cluster, request)

    app.router.add_route("*", "/{path:.*}", handle)

    async def control(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(cluster.manager.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        cluster.programs.close()

    app.cleanup_ctx.append(control)
    return app


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _handle(cluster: Cluster, request: web.Request) -> web.StreamResponse:
    check_accept(request)
    if request.method == "GET" and (found := document(cluster.registry, request.path)) is not None:
        return respond(found)
    target = target_of(cluster.registry, request.path)
    if request.method in ("GET", "HEAD"):
        return await read(cluster, request, target)
    return await write(cluster, request, target)


def _guard(token: str) -> Callable[[web.Request, _Handler], Awaitable[web.StreamResponse]]:
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        if request.path not in _OPEN_PATHS and not hmac.compare_digest(given, expected):
            return respond_error(unauthorized())
        return await handler(request)

    return guard


@web.middleware
async def _answer_errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn every failure into a Status."""
    try:
        return await handler(request)
    except ApiError as e:
        return respond_error(e)
    except web.HTTPRequestEntityTooLarge:
        message = f"limit is {_BODY_LIMIT} bytes"
        return respond_error(ApiError(413, "RequestEntityTooLarge", message))
    except Exception as e:
        _log.exception("%s %s failed", request.method, request.path)
        return respond_error(ApiError(500, "InternalError", f"Internal error occurred: {e!r}"))


def read_token(path: Path) -> str:
    """Return the token in the file; write one first, for the owner's eyes only, if there is none."""
    if path.exists() and (token := path.read_text().strip()):
        return token
    token = secrets.token_urlsafe(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    return token


async def serve(settings: Settings) -> None:
    """Serve a freshly seeded cluster until SIGTERM or SIGINT.

    Writes `{"port", "url", "pid"}` to the state file once requests are answered.
    """
    cluster = Cluster()
    manage(cluster)
    plant(cluster)
    runner = web.AppRunner(make_app(cluster, read_token(settings.token_file)), shutdown_timeout=0.5)
    await runner.setup()
    context = None
    if settings.certificate and settings.key:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.key)
    site = web.TCPSite(runner, HOST, settings.port, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    scheme = "https" if context else "http"
    _write_state(settings.state_file, {"port": port, "url": f"{scheme}://{HOST}:{port}", "pid": os.getpid()})
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def _write_state(path: Path, state: dict[str, object]) -> None:
    """Write the file in one step: whoever sees it sees all of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(state))
    draft.replace(path)
