"""The senders of a system: one for each channel, made from a connection when it is first used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from upkeep.incidents.model import Channel
from upkeep.notifiers.connections import Connections
from upkeep.notifiers.notifier import NotifierSender
from upkeep.notifiers.pagerduty import PagerDutySender
from upkeep.notifiers.slack import slack_sender
from upkeep.notifiers.smtp import SmtpSender
from upkeep.notifiers.webhook import WebhookSender
from upkeep.paging.sender import Message, Sender, Sent

if TYPE_CHECKING:
    from airflow.sdk import Connection

_MAKERS: dict[Channel, Callable[[Connection, float], Sender]] = {
    "slack": slack_sender,
    "pagerduty": PagerDutySender,
    "email": SmtpSender,
    "webhook": WebhookSender,
}


def senders(
    system: str, connections: Connections | None = None, timeout_seconds: float = 5
) -> dict[Channel, Sender]:
    """Return a system's senders, one for each channel. Nothing is looked up before it is needed.

    connections: to share between systems, so that each is asked for once. timeout_seconds: of each read
    and write on the network. A channel without a connection refuses what it is given, and says which
    connection is missing.
    """
    found = connections or Connections()
    return {channel: _Lazy(system, channel, found, timeout_seconds) for channel in _MAKERS}


class _Lazy:
    """A channel whose connection is looked up when the first message comes."""

    def __init__(
        self, system: str, channel: Channel, connections: Connections, timeout_seconds: float
    ) -> None:
        self._system, self._channel = system, channel
        self._connections, self._timeout = connections, timeout_seconds
        self._made: Sender | None = None
        self._lock = threading.Lock()

    def send(self, message: Message) -> Sent:
        """Send through the connection; raises as `Sender.send`, ConfigurationError if there is none."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return self._made.send(message)

    def _make(self) -> Sender:
        connection = self._connections.of(self._system, self._channel)
        if "notifier" in connection.extra_dejson:
            return NotifierSender(connection)
        return _MAKERS[self._channel](connection, self._timeout)
