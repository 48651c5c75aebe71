"""Any standard Airflow notifier as a channel."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.paging.sender import Message, Sent, quoted
from upkeep.paging.view import view

if TYPE_CHECKING:
    from airflow.sdk import Connection


class NotifierSender:
    """Sends through the notifier that a connection names, in place of the channel's own sender.

    extra `notifier`: the class, by its dotted path. extra `arguments`: what it is made with; its template
    fields may use `{{ headline }}`, `{{ summary }}`, `{{ facts }}`, `{{ links }}`, `{{ answer }}` and
    `{{ person }}`.
    """

    def __init__(self, connection: Connection) -> None:
        extra = connection.extra_dejson
        try:
            found = resolve_name(extra["notifier"])
        except (ImportError, AttributeError, ValueError) as e:
            raise ConfigurationError(f"connection {connection.conn_id}: no notifier: {quoted(str(e))}") from e
        if not (isinstance(found, type) and issubclass(found, BaseNotifier)):
            raise ConfigurationError(f"connection {connection.conn_id}: {extra['notifier']} is no notifier")
        self._class, self._arguments = found, extra.get("arguments", {})

    def send(self, message: Message) -> Sent:
        """Notify once. What a notifier raises says nothing of its kind: it may pass."""
        shown = view(message)
        context = {
            "headline": shown.headline,
            "summary": shown.summary,
            "facts": dict(shown.facts),
            "links": dict(shown.links),
            "answer": shown.answer,
            "person": message.person,
        }
        try:
            # One for each message: rendering its template fields changes it.
            self._class(**self._arguments)(context)
        except Exception as e:
            raise TemporaryError(f"{self._class.__name__}: {type(e).__name__}: {quoted(str(e))}") from e
        return Sent(target=self._class.__name__)
