"""Any other receiver: a signed POST. `upkeep.paging.webhook` says how to verify it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from upkeep.clients.endpoint import check_url, tls_context
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError
from upkeep.incidents.model import Page
from upkeep.paging.sender import Message, Sent, quoted, refusal
from upkeep.paging.webhook import SIGNATURE_HEADER, signature, webhook_body

if TYPE_CHECKING:
    from airflow.sdk import Connection


class WebhookSender:
    """Posts to the connection's URL. Password: the shared secret that signs.

    host, schema, port; extra `path`: no secret, for logs show it. extra `ca_file`: an authority to trust
    instead of the public ones.
    """

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        if not connection.password:
            raise ConfigurationError(f"connection {connection.conn_id} has no password to sign with")
        extra = connection.extra_dejson
        self._url = _url(connection) + str(extra.get("path", ""))
        check_url(self._url)
        self._secret = connection.password
        self._tls, self._timeout = tls_context(extra.get("ca_file")), timeout_seconds

    def send(self, message: Message) -> Sent:
        """Post one page; any 2xx means that the receiver has it. Redirects are refused."""
        if not isinstance(message, Page):
            raise PermanentError("only pages are for webhooks")
        body = webhook_body(message)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.id),
            SIGNATURE_HEADER: signature(self._secret, body, int(time.time())),
        }
        try:
            with httpx.Client(timeout=self._timeout, verify=self._tls, trust_env=False) as client:
                answer = client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as e:
            said = f"{type(e).__name__}: {quoted(str(e))}"
            if "certificate verify failed" in said.lower():
                raise ConfigurationError(f"the receiver's certificate is not trusted: {said}") from e
            raise TemporaryError(f"cannot reach the receiver: {said}") from e
        if not answer.is_success:
            raise refusal(answer.status_code, answer.text, answer.headers)
        return Sent(target=str(urlsplit(self._url).netloc), receipt=f"HTTP {answer.status_code}")


def _url(connection: Connection) -> str:
    host = connection.host or ""
    base = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return base.rstrip("/") + (f":{connection.port}" if connection.port else "")
