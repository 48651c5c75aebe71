"""Which Airflow connection serves a channel of a system."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.paging.sender import quoted

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from upkeep.incidents.model import Channel

_SUFFIXES: dict[Channel, str] = {
    "slack": "slack",
    "pagerduty": "pagerduty",
    "email": "smtp",
    "webhook": "webhook",
}


def connection_ids(system: str, channel: Channel) -> tuple[str, str]:
    """Return the ids that may serve a channel: the system's own, then everybody's.

    >>> connection_ids("maintenance-api", "email")
    ('maintenance_api_smtp', 'upkeep_smtp')
    """
    suffix = _SUFFIXES[channel]
    return f"{system.replace('-', '_')}_{suffix}", f"upkeep_{suffix}"


class Connections:
    """Airflow's connections, each asked for once. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: dict[str, Connection | None] = {}
        self._lock = threading.Lock()

    def of(self, system: str, channel: Channel) -> Connection:
        """Return the connection that serves a channel of a system.

        Raises ConfigurationError where there is none, TemporaryError where Airflow cannot say.
        """
        ids = dict.fromkeys(connection_ids(system, channel))
        for conn_id in ids:
            if (found := self._find(conn_id)) is not None:
                return found
        raise ConfigurationError(f"no connection {' or '.join(ids)}: create one in Airflow")

    def _find(self, conn_id: str) -> Connection | None:
        with self._lock:
            if conn_id in self._known:
                return self._known[conn_id]
            try:
                found = BaseHook.get_connection(conn_id)
            except AirflowNotFoundException:
                found = None
            except Exception as e:  # whatever a secrets backend raises
                raise TemporaryError(f"cannot read connection {conn_id}: {quoted(str(e))}") from e
            self._known[conn_id] = found
            return found
