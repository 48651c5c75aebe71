"""What a check gets to work with: the system, the moment, the clients, the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from upkeep.catalog.models import System
from upkeep.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from upkeep.backups.dumps.server import DatabaseServer
    from upkeep.backups.files.place import ResticPlace
    from upkeep.backups.keys import BackupKey
    from upkeep.backups.kubernetes.repository import GitLogin
    from upkeep.backups.model import Level
    from upkeep.backups.physical.place import PgBackRestPlace
    from upkeep.catalog.models.system import ConnectionRole
    from upkeep.clients.alertmanager import Alertmanager
    from upkeep.clients.endpoint import Endpoint
    from upkeep.clients.kubernetes import Kubernetes
    from upkeep.clients.mysql import MySql
    from upkeep.clients.postgres import Postgres
    from upkeep.clients.prometheus import Prometheus
    from upkeep.clients.redis import Redis


class Connected(Protocol):
    """Whatever has connections: a system of the catalog."""

    @property
    def title(self) -> str:
        """Its name, for messages."""

    @property
    def connections(self) -> Mapping[ConnectionRole, str]:
        """The ids of its connections, by role."""


class Clients(Protocol):
    """Clients for the system's connections, made when first asked for and shared by a task's checks.

    Each raises ConfigurationError, naming the connection, where the catalog names none or Airflow has none.
    """

    def prometheus(self) -> Prometheus:
        """The client of the connection `prometheus`."""

    def alertmanager(self) -> Alertmanager:
        """The client of the connection `alertmanager`."""

    def kubernetes(self) -> Kubernetes:
        """The client of the connection `kubernetes`."""

    def mysql(self) -> MySql:
        """The client of the connection `mysql`."""

    def postgres(self) -> Postgres:
        """The client of the connection `postgres`."""

    def redis(self) -> Redis:
        """The client of the connection `redis`."""

    def kafka(self) -> dict[str, Any]:
        """The librdkafka configuration."""

    def aws(self, service: str, region: str | None = None) -> Any:
        """A boto3 client; region: another than the connection's."""

    def http(self) -> Endpoint:
        """The system's own HTTP end point."""

    def http_extra(self) -> dict[str, Any]:
        """The extra of the http connection: CA file, TLS end points under other addresses."""

    def loki(self) -> Endpoint:
        """The end point of the connection `loki`."""

    def database(self, role: Literal["mysql", "postgres", "restore"]) -> DatabaseServer:
        """The database of a connection, as its own programs reach it."""

    def git(self) -> tuple[str, GitLogin]:
        """The repository of the connection `git`, and how to log in."""

    def folder(self) -> Path:
        """The folder of the connection `files`."""

    def restic(self, bucket: str, prefix: str) -> ResticPlace:
        """A restic repository in a bucket, as its program reaches it."""

    def pgbackrest(self, stanza: str) -> PgBackRestPlace:
        """A stanza of the connection `pgbackrest`, as its program reaches it."""

    def backup_key(self) -> BackupKey:
        """The key that backups are sealed with."""


@dataclass(frozen=True)
class Measurement:
    """One value of a metric's past."""

    at: datetime
    value: float


@dataclass(frozen=True)
class PastIncident:
    """An incident as it was known at a moment.

    began_at: since when it was so; opened_at: when it was noticed; answered_at: when somebody first
    acknowledged it; resolved_at: None while open. paged: owner → when the first page to it was delivered.
    """

    id: str
    severity: str
    title: str
    began_at: datetime
    opened_at: datetime
    answered_at: datetime | None
    resolved_at: datetime | None
    paged: Mapping[str, datetime]


class History(Protocol):
    """What the ledger remembers."""

    def measurements(self, metric: str, since: datetime, until: datetime) -> Sequence[Measurement]:
        """Return the metric's values of this system from `since` to `until`, oldest first."""

    def incidents(self, since: datetime, until: datetime) -> Sequence[PastIncident]:
        """Return what opened from `since` and before `until`, as it was known then, oldest first."""

    def last_proven(self, policy: str, level: Level, until: datetime) -> datetime | None:
        """Return when a backup of a policy was last proven to a level, as it was known then."""

    def known_since(self) -> datetime | None:
        """Return when the ledger first heard of this system, None if it never did."""


@dataclass(frozen=True)
class CheckContext:
    """One run's view of one system.

    as_of: the moment that the run speaks of. since: where the time under review begins, the run
    before. Both with time zone.
    """

    system_id: str
    system: System
    as_of: datetime
    since: datetime
    clients: Clients
    history: History


@dataclass(frozen=True)
class Check:
    """One question with a name that is stable within its task; `ask` may return several findings.

    An `ask` that raises TemporaryError or PermanentError is an unknown finding with the error as reason.
    """

    name: str
    source: str
    present: bool
    """True where it reads what is there now; a run that speaks of the past leaves it out and says so."""
    ask: Callable[[], Finding | Sequence[Finding]]
