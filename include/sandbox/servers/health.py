"""The health end points of the five systems, of the identity provider and of the payment provider.

Each listens on a port of its own, as each has a host of its own in the real world. What it answers
can be changed over the admin port: `PUT /endpoints/NAME` with `{"path", "status", "delay_seconds",
"body"}` (all optional; without `path`, for all its paths), `DELETE /endpoints/NAME` undoes
all changes of it, `?path=…` those of one path, `?path=*` those that concern all its paths.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

LONGEST_DELAY_SECONDS = 300.0
EVERY_PATH = "*"

_WEBSOCKET_METRICS = """\
# TYPE websocket_connections gauge
websocket_connections{node="ws-0"} 412
websocket_connections{node="ws-1"} 398
# TYPE websocket_messages_total counter
websocket_messages_total{node="ws-0"} 918230
websocket_messages_total{node="ws-1"} 904518
"""

QUIKAPP_HEALTH: dict[str, Any] = {
    "status": "UP",
    "components": {
        "db": {
            "status": "UP",
            "details": {"database": "MySQL", "pool": {"active": 11, "idle": 9, "pending": 0, "max": 40}},
        },
        "redis": {"status": "UP", "details": {"version": "7.2"}},
        "diskSpace": {"status": "UP"},
    },
}

ANSWERS: dict[str, dict[str, Any]] = {
    "quikapp": {
        "/actuator/health": QUIKAPP_HEALTH,
        "/metrics": _WEBSOCKET_METRICS,
        "/dashboard": "<!doctype html><title>Phoenix LiveDashboard</title><p>channels: 810</p>",
    },
    "maintenance-api": {
        "/health/ready": {"status": "ready", "checks": {"database": "ok"}},
        "/health/live": {"status": "alive"},
    },
    "zetra": {
        "/api/health": {"status": "healthy", "version": "3.8.1"},
        "/api/health/db": {"status": "healthy", "latency_ms": 3},
    },
    "lessay": {"/health": {"status": "ok", "components": {"api": "ok", "database": "ok", "payments": "ok"}}},
    "tapio": {"/healthz": {"status": "ok"}},
    "identity-provider": {"/": "ok", "/.well-known/openid-configuration": {"issuer": "https://idp.example"}},
    "payment-provider": {"/": {"status": "operational"}, "/v1": {"status": "operational"}},
}
"""What each answers, by path, when nothing is wrong."""


@dataclass(frozen=True)
class Override:
    """What an end point answers instead; None leaves that aspect as it is."""

    path: str = EVERY_PATH
    status: int | None = None
    delay_seconds: float = 0.0
    body: Any = None


class Health:
    """All end points, and what has been changed about them."""

    def __init__(self) -> None:
        self._overrides: dict[str, dict[str, Override]] = {}

    def app(self, name: str) -> web.Application:
        """Return the application of one end point."""

        async def handle(request: web.Request) -> web.Response:
            return await self._answer(name, request.path)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        return application

    def admin(self) -> web.Application:
        """Return the application that changes what the others answer."""
        application = web.Application()
        application.router.add_get("/endpoints", self._list)
        application.router.add_put("/endpoints/{name}", self._change)
        application.router.add_delete("/endpoints/{name}", self._restore)
        return application

    async def _answer(self, name: str, path: str) -> web.Response:
        changed = self._overrides.get(name, {})
        override = changed.get(EVERY_PATH) or changed.get(path) or Override()
        if override.delay_seconds:
            await asyncio.sleep(override.delay_seconds)
        body = ANSWERS[name].get(path)
        if body is None:
            return web.Response(status=404, text="not found")
        body = override.body if override.body is not None else body
        status = override.status or 200
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    async def _list(self, _: web.Request) -> web.Response:
        changed = {name: [asdict(o) for o in by.values()] for name, by in self._overrides.items()}
        return web.json_response({"names": list(ANSWERS), "changed": changed})

    async def _change(self, request: web.Request) -> web.Response:
        name = _known(request)
        try:
            override = Override(**await request.json())
            sensible = 0 <= override.delay_seconds <= LONGEST_DELAY_SECONDS
            sensible = sensible and (override.status is None or 100 <= override.status <= 599)
        except (TypeError, ValueError) as e:
            raise web.HTTPBadRequest(text=f"not a change of an answer: {e}") from e
        if not sensible:
            raise web.HTTPBadRequest(text=f"status: 100 to 599; delay: 0 to {LONGEST_DELAY_SECONDS:.0f} s")
        self._overrides.setdefault(name, {})[override.path] = override
        return web.json_response(asdict(override))

    async def _restore(self, request: web.Request) -> web.Response:
        name, path = _known(request), request.query.get("path")
        if path is None:
            self._overrides.pop(name, None)
        else:
            self._overrides.get(name, {}).pop(path, None)
        return web.Response(status=204)


def _known(request: web.Request) -> str:
    name = request.match_info["name"]
    if name not in ANSWERS:
        raise web.HTTPNotFound(text=f"no end point {name}; there are {', '.join(ANSWERS)}")
    return name
