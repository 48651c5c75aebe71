"""PostgreSQL 15 to 18, its state as the checks see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from upkeep.clients import sql
from upkeep.clients.secrets import mask_secrets

QUERY_LENGTH = 500
"""Characters kept of a statement."""


@dataclass(frozen=True)
class Connections:
    """Client connections by state, ours included. maximum: those that ordinary roles can have."""

    by_state: Mapping[str, int]
    maximum: int

    @property
    def used(self) -> int:
        """All of them."""
        return sum(self.by_state.values())

    @property
    def used_ratio(self) -> float:
        """Used share; above 1 where a superuser uses the reserve."""
        return self.used / self.maximum


@dataclass(frozen=True)
class DatabaseSize:
    """The size of one database on disk."""

    name: str
    total_bytes: int


@dataclass(frozen=True)
class Replica:
    """A standby that this server feeds. lag_seconds: 0 while there is nothing to replay."""

    name: str
    state: str
    sync_state: str
    lag_bytes: float | None
    lag_seconds: float


@dataclass(frozen=True)
class Replication:
    """What this server is. lag_seconds: behind its primary; None for a primary or before a replay."""

    is_standby: bool
    is_streaming: bool
    lag_seconds: float | None
    replicas: tuple[Replica, ...]


@dataclass(frozen=True)
class Blocked:
    """A session that waits for a lock. query: without secrets."""

    pid: int
    blocked_by: tuple[int, ...]
    user: str
    database: str
    waited_seconds: float
    query: str


@dataclass(frozen=True)
class Transaction:
    """An open transaction. query: its last statement, without secrets."""

    pid: int
    user: str
    database: str
    state: str
    age_seconds: float
    query: str


@dataclass(frozen=True)
class Statement:
    """A statement, its values replaced by the server, and what it took since the statistics were reset."""

    id: int
    query: str
    calls: int
    total_seconds: float
    mean_seconds: float
    rows: int


@dataclass(frozen=True)
class TopStatements:
    """The statements that took most time. problem: why there are none, where statistics are not kept."""

    statements: tuple[Statement, ...]
    problem: str | None


def connector(  # noqa: PLR0913 - the parts of one address
    host: str,
    port: int,
    user: str,
    password: str,
    database: str,
    *,
    timeout_seconds: int = 10,
    **options: Any,
) -> Callable[[], sql.Connection]:
    """Return a function that connects with psycopg2, with time-outs of its own."""

    def connect() -> sql.Connection:
        import psycopg2  # type: ignore[import-untyped]

        connection = psycopg2.connect(
            host=host,
            port=port,
            user=user,
            password=password,
            dbname=database,
            connect_timeout=max(2, timeout_seconds),  # libpq takes whole seconds, from 2
            tcp_user_timeout=timeout_seconds * 1000,
            application_name="upkeep",
            **options,
        )
        return cast("sql.Connection", connection)

    return connect


class Postgres:
    """One database. connect: makes a DB-API connection with time-outs of its own; each call makes one.

    timeout_seconds: the server ends a statement after it. Every call raises TemporaryError (refused,
    timed out, too many connections), ConfigurationError (credentials, rights) or PermanentError.
    """

    def __init__(self, connect: sql.Connect, timeout_seconds: float = 10, name: str = "PostgreSQL") -> None:
        self._connect = connect
        self._timeout = timeout_seconds
        self._name = name

    def __repr__(self) -> str:
        return f"Postgres({self._name!r})"

    def connections(self) -> Connections:
        """Return the connections by state against the most that are allowed."""
        found = self._run("connections")
        by_state = {str(row["state"]): int(row["connections"]) for row in found}
        return Connections(by_state, found[0]["maximum"] - found[0]["reserved"])

    def database_sizes(self) -> list[DatabaseSize]:
        """Return the databases that this role may connect to, largest first."""
        return [DatabaseSize(str(row["name"]), int(row["bytes"])) for row in self._run("database_sizes")]

    def replication(self) -> Replication:
        """Return whether this is a primary or a standby, who follows, and how far behind."""
        with self._session() as connection:
            role = sql.run(connection, "postgres", "role")[0]
            replicas = sql.run(connection, "postgres", "replicas")
        return Replication(
            is_standby=bool(role["is_standby"]),
            is_streaming=bool(role["is_streaming"]),
            lag_seconds=_float_or_none(role["lag_seconds"]),
            replicas=tuple(
                Replica(
                    name=str(row["name"]),
                    state=str(row["state"]),
                    sync_state=str(row["sync_state"]),
                    lag_bytes=_float_or_none(row["lag_bytes"]),
                    lag_seconds=float(row["lag_seconds"] or 0),
                )
                for row in replicas
            ),
        )

    def blocked(self) -> list[Blocked]:
        """Return the sessions that wait for a lock, the longest wait first."""
        return [
            Blocked(
                pid=int(row["pid"]),
                blocked_by=tuple(row["blocked_by"]),
                user=str(row["user_name"]),
                database=str(row["database_name"]),
                waited_seconds=float(row["waited_seconds"]),
                query=_shown(row["query"]),
            )
            for row in self._run("blocked")
        ]

    def oldest_transaction(self) -> Transaction | None:
        """Return the transaction that has been open longest, None if none is open."""
        for row in self._run("oldest_transaction"):
            return Transaction(
                pid=int(row["pid"]),
                user=str(row["user_name"]),
                database=str(row["database_name"]),
                state=str(row["state"]),
                age_seconds=float(row["age_seconds"]),
                query=_shown(row["query"]),
            )
        return None

    def top_statements(self, count: int = 10) -> TopStatements:
        """Return the statements that took most time, or why the server keeps no such statistics."""
        with self._session() as connection:
            extension = sql.run(connection, "postgres", "statements_extension")[0]
            if extension["schema_name"] is None:
                return TopStatements((), "the extension pg_stat_statements is not created in this database")
            if not extension["is_loaded"]:
                return TopStatements((), "pg_stat_statements is not in shared_preload_libraries")
            sql.run(connection, "postgres", "use_schema", {"schema": extension["schema_name"]})
            found = sql.run(connection, "postgres", "top_statements", {"count": count})
        return TopStatements(tuple(_statement(row) for row in found), None)

    def latency_seconds(self) -> float:
        """Return how long the simplest query takes on an open connection: the shorter of two tries."""
        with self._session() as connection:
            return min(_timed(connection) for _ in range(2))

    def _run(self, name: str) -> list[sql.Row]:
        with self._session() as connection:
            return sql.run(connection, "postgres", name)

    @contextmanager
    def _session(self) -> Iterator[sql.Connection]:
        with sql.session(self._connect, self._name, self._timeout) as connection:
            sql.run(connection, "postgres", "limit", {"milliseconds": str(round(self._timeout * 1000))})
            yield connection


def _timed(connection: sql.Connection) -> float:
    started = time.perf_counter()
    sql.run(connection, "postgres", "ping")
    return time.perf_counter() - started


def _statement(row: sql.Row) -> Statement:
    return Statement(
        id=int(row["id"] or 0),
        query=_shown(row["query"]),
        calls=int(row["calls"]),
        total_seconds=float(row["total_seconds"]),
        mean_seconds=float(row["mean_seconds"]),
        rows=int(row["row_count"]),
    )


def _shown(query: Any) -> str:
    """Return a statement on one line, cut, without secrets."""
    return " ".join(mask_secrets(str(query or "")).split())[:QUERY_LENGTH]


def _float_or_none(value: Any) -> float | None:
    return None if value is None else float(value)
