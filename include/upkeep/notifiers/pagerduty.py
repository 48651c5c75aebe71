"""PagerDuty's Events API v2, by the provider's hook and PagerDuty's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pagerduty
from airflow.providers.pagerduty.hooks.pagerduty_events import PagerdutyEventsHook

from upkeep.clients.endpoint import tls_context
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError
from upkeep.incidents.model import Page
from upkeep.paging.pagerduty import pagerduty_event
from upkeep.paging.sender import Message, Sent, quoted, refusal

if TYPE_CHECKING:
    from airflow.sdk import Connection


class PagerDutySender:
    """Sends trigger, acknowledge and resolve. Password: the integration key.

    host: `https://events.eu.pagerduty.com` for the European region. extra `ca_file`: an authority to
    trust instead of the public ones.
    """

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        if not connection.password:
            raise ConfigurationError(f"connection {connection.conn_id} has no integration key as password")
        self._key = PagerdutyEventsHook(pagerduty_events_conn_id=connection.conn_id).integration_key
        self._url = connection.host or None
        if self._url and not self._url.startswith("https://"):
            raise ConfigurationError(f"connection {connection.conn_id}: host must start with https://")
        self._tls = tls_context(connection.extra_dejson.get("ca_file"))
        self._timeout = timeout_seconds

    def send(self, message: Message) -> Sent:
        """Send one event; the receipt is PagerDuty's key of the incident."""
        if not isinstance(message, Page):
            raise PermanentError("only pages are for PagerDuty")
        event = pagerduty_event(message)
        # The hook's own send_event would repeat for minutes, and a 429 for ever.
        with _OneTry(self._key, base_url=self._url, verify=self._tls) as client:
            client.timeout = self._timeout  # type: ignore[assignment]  # it takes fractions too
            try:
                key = client.send_event(event.action, dedup_key=event.dedup_key, **event.properties)
            except pagerduty.ServerHttpError as e:  # a redirect, or a success that is not PagerDuty's
                raise TemporaryError(f"the answer is not PagerDuty's: {quoted(e.msg)}") from e
            except pagerduty.Error as e:
                raise _problem(e) from e
        return Sent(target=f"integration key …{self._key[-4:]}", receipt=str(key))


class _OneTry(pagerduty.EventsApiV2Client):
    """A client that leaves repeating to delivery."""

    max_network_attempts = 0

    def postprocess(self, response: Any) -> None:
        """Raise what is wrong with an answer before the client starts to repeat."""
        if response.status_code >= 400:
            raise refusal(response.status_code, response.text, response.headers)


def _problem(error: pagerduty.Error) -> TemporaryError | PermanentError:
    cause = error.__cause__ or error
    if "certificate verify failed" in str(cause).lower():
        return ConfigurationError(f"PagerDuty's certificate is not trusted: {quoted(str(cause))}")
    return TemporaryError(f"cannot reach PagerDuty: {type(cause).__name__}: {quoted(str(cause))}")
