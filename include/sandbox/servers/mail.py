"""A mail server that keeps what it receives; `GET /mail` on its admin port shows it, `DELETE` forgets it."""

from __future__ import annotations

import email
import email.policy
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

    def protocol(self) -> SMTP:
        """Return the protocol of one connection."""
        return SMTP(self, hostname="mail.sandbox", enable_SMTPUTF8=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message (aiosmtpd calls this)."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        self.mail.append(
            {
                "at": datetime.now(UTC).isoformat(),
                "from": envelope.mail_from,
                "to": list(envelope.rcpt_tos),
                "subject": str(message["Subject"] or ""),
                "text": body.get_content() if body else "",
            }
        )
        return "250 kept"

    def add_routes(self, application: web.Application) -> None:
        """Serve what was received."""
        application.router.add_get("/mail", self._show)
        application.router.add_delete("/mail", self._forget)

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(list(self.mail))

    async def _forget(self, _: web.Request) -> web.Response:
        self.mail.clear()
        return web.Response(status=204)
