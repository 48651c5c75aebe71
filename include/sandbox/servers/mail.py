"""A mail server that keeps what it receives; `GET /mail` on its admin port shows it, `DELETE` forgets it.

`PUT /mail/behaviour` with `{"code", "text", "times", "delay_seconds"}` makes it answer so to a recipient: 451
is greylisting. It heals after so many `times`, where given, or by `DELETE /mail/behaviour`.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections import deque
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

MOST_KEPT = 2_000


class Mailbox:
    """All mail that was received, oldest first."""

    def __init__(self) -> None:
        self.mail: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self._behaviour: dict[str, Any] = {}

    def protocol(self, tls: ssl.SSLContext | None = None) -> SMTP:
        """Return the protocol of one connection; it offers STARTTLS with `tls`."""
        return SMTP(self, hostname="mail.sandbox", enable_SMTPUTF8=True, tls_context=tls)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not (aiosmtpd calls this)."""
        behaviour = dict(self._behaviour)
        if "times" in behaviour:
            left = behaviour["times"] - 1
            self._behaviour = {**behaviour, "times": left} if left > 0 else {}
        await asyncio.sleep(behaviour.get("delay_seconds", 0))
        if code := behaviour.get("code"):
            return f"{code} {behaviour.get('text', 'the sandbox was told to refuse')}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message (aiosmtpd calls this)."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        body, html = message.get_body(("plain", "html")), message.get_body(("html",))
        self.mail.append(
            {
                "at": datetime.now(UTC).isoformat(),
                "from": envelope.mail_from,
                "to": list(envelope.rcpt_tos),
                "subject": str(message["Subject"] or ""),
                "text": body.get_content() if body else "",
                "html": html.get_content() if html else "",
                "headers": {name: str(value) for name, value in message.items()},
            }
        )
        return "250 kept"

    def add_routes(self, application: web.Application) -> None:
        """Serve what was received."""
        application.router.add_get("/mail", self._show)
        application.router.add_delete("/mail", self._forget)
        application.router.add_put("/mail/behaviour", self._behave)
        application.router.add_delete("/mail/behaviour", self._behave_well)

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(list(self.mail))

    async def _forget(self, _: web.Request) -> web.Response:
        self.mail.clear()
        return web.Response(status=204)

    async def _behave(self, request: web.Request) -> web.Response:
        self._behaviour = await request.json()
        return web.Response(status=204)

    async def _behave_well(self, _: web.Request) -> web.Response:
        self._behaviour = {}
        return web.Response(status=204)
