"""Stands for Slack, PagerDuty, the status page and Alertmanager's receivers: keeps what it is sent.

`GET /captured[?channel=…]` shows it, `DELETE /captured` forgets it. `PUT /behaviour/CHANNEL` makes a channel
fail, `DELETE /behaviour/CHANNEL` heals it. A behaviour is any of `delay_seconds`, `status`, `headers`, `body`
(text, or JSON), `drop` (hang up without an answer) and `times` (then it heals by itself).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

MOST_KEPT = 10_000
"""The oldest are forgotten after this many, so that a long demo does not eat memory."""

SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}


class Capture:
    """What was sent, and how each channel behaves."""

    def __init__(self) -> None:
        self.captured: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self._behaviour: dict[str, dict[str, Any]] = {}

    def app(self) -> web.Application:
        """Return the application; it is served over http and https."""
        application = web.Application()
        routes = application.router
        routes.add_get("/captured", self._show)
        routes.add_delete("/captured", self._forget)
        routes.add_put("/behaviour/{channel}", self._behave)
        routes.add_delete("/behaviour/{channel}", self._behave_well)
        routes.add_route("*", "/{path:.*}", self._receive)
        return application

    async def _receive(self, request: web.Request) -> web.Response:
        channel = channel_of(request.path)
        text = await request.text()
        behaviour = self._now(channel)
        told = bool(behaviour.keys() & {"status", "body", "drop"})
        status = behaviour.get("status", web.HTTPOk.status_code)
        body = _read(text, request)
        self.captured.append(
            {
                "at": datetime.now(UTC).isoformat(),
                "channel": channel,
                "method": request.method,
                "path": request.path,
                "headers": {k: v for k, v in request.headers.items() if k.lower() not in SECRET_HEADERS},
                "body": body,
                "answered": "nothing" if behaviour.get("drop") else status if told else "ok",
            }
        )
        await asyncio.sleep(behaviour.get("delay_seconds", 0))
        if behaviour.get("drop") and request.transport is not None:
            request.transport.abort()
        return _told(behaviour, status) if told else _answer(channel, request, body)

    def _now(self, channel: str) -> dict[str, Any]:
        """Return how the channel behaves, and count it."""
        behaviour = self._behaviour.get(channel, {})
        if "times" in behaviour:
            behaviour["times"] -= 1
            if behaviour["times"] <= 0:
                del self._behaviour[channel]
        return behaviour

    async def _show(self, request: web.Request) -> web.Response:
        channel = request.query.get("channel")
        return web.json_response([one for one in self.captured if channel in (None, one["channel"])])

    async def _forget(self, _: web.Request) -> web.Response:
        self.captured.clear()
        return web.Response(status=204)

    async def _behave(self, request: web.Request) -> web.Response:
        self._behaviour[request.match_info["channel"]] = await request.json()
        return web.Response(status=204)

    async def _behave_well(self, request: web.Request) -> web.Response:
        self._behaviour.pop(request.match_info["channel"], None)
        return web.Response(status=204)


def channel_of(path: str) -> str:
    """Return which service a path belongs to.

    >>> channel_of("/v2/enqueue"), channel_of("/slack/services/T0/B0/x"), channel_of("/")
    ('pagerduty', 'slack', 'other')
    """
    if path.startswith("/v2/"):
        return "pagerduty"
    first = path.strip("/").split("/", 1)[0]
    return first or "other"


def _read(text: str, request: web.Request) -> Any:
    if request.content_type.endswith("json"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _told(behaviour: dict[str, Any], status: int) -> web.Response:
    """Answer as the behaviour says."""
    body, headers = behaviour.get("body", {"error": "the sandbox was told to fail"}), behaviour.get("headers")
    if isinstance(body, str):
        return web.Response(text=body, status=status, headers=headers)
    return web.json_response(body, status=status, headers=headers)


def _answer(channel: str, request: web.Request, body: Any) -> web.Response:
    """Answer as the real service would."""
    sent = body if isinstance(body, dict) else {}
    if channel == "pagerduty":
        key = sent.get("dedup_key") or hashlib.sha256(repr(body).encode()).hexdigest()[:32]
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(answer, status=202)
    if channel == "slack":
        if request.path.startswith("/slack/services"):
            return web.Response(text="ok")
        return web.json_response({"ok": True, "channel": sent.get("channel"), "ts": "1700000000.000100"})
    if channel == "statuspage":
        made = hashlib.sha256(repr(body).encode()).hexdigest()[:12]
        return web.json_response({"id": made, **sent.get("incident", {})}, status=201)
    return web.json_response({"ok": True})
