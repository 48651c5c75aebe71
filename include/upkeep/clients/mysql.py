"""MySQL 8 and MariaDB 10.11, their state as the checks see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from upkeep.clients import sql
from upkeep.clients.answers import safe_excerpt
from upkeep.clients.secrets import mask_secrets
from upkeep.errors import BadAnswer

QUERY_LENGTH = 500
"""Characters kept of a running statement."""


@dataclass(frozen=True)
class Connections:
    """Connections in use, and how many there can be."""

    used: int
    maximum: int
    most_used: int

    @property
    def used_ratio(self) -> float:
        """Used share, 0 to 1."""
        return self.used / self.maximum


@dataclass(frozen=True)
class DatabaseSize:
    """The size of one database's tables, as the server estimates it."""

    name: str
    data_bytes: int
    index_bytes: int

    @property
    def total_bytes(self) -> int:
        """Data and indexes together."""
        return self.data_bytes + self.index_bytes


@dataclass(frozen=True)
class SlowQueries:
    """Slow queries since the server started; log_enabled says whether they are also logged."""

    count: int
    threshold_seconds: float
    uptime_seconds: int
    log_enabled: bool


@dataclass(frozen=True)
class Replication:
    """How a replica follows one source. lag_seconds: None while it does not follow; `problem` says why."""

    channel: str
    source: str
    receiving: bool
    applying: bool
    lag_seconds: int | None
    problem: str | None


@dataclass(frozen=True)
class Process:
    """A connection and what it does. seconds: how long it has been in this state. query: without secrets."""

    id: int
    user: str
    host: str
    database: str | None
    command: str
    seconds: float
    state: str
    query: str | None


def connector(  # noqa: PLR0913 - the parts of one address
    host: str,
    port: int,
    user: str,
    password: str,
    database: str = "",
    *,
    timeout_seconds: int = 10,
    **options: Any,
) -> Callable[[], sql.Connection]:
    """Return a function that connects with mysql-connector-python, with time-outs of its own."""

    def connect() -> sql.Connection:
        import mysql.connector

        connection: sql.Connection = mysql.connector.connect(
            host=host,
            port=port,
            user=user,
            password=password,
            database=database or None,
            connection_timeout=timeout_seconds,
            read_timeout=timeout_seconds,
            write_timeout=timeout_seconds,
            use_pure=True,
            **options,
        )
        return connection

    return connect


class MySql:
    """One server. connect: makes a DB-API connection with time-outs of its own; each call makes one.

    timeout_seconds: the server ends a statement after it. Every call raises TemporaryError (refused,
    timed out, too many connections), ConfigurationError (credentials, rights) or BadAnswer.
    """

    def __init__(self, connect: sql.Connect, timeout_seconds: float = 10, name: str = "MySQL") -> None:
        self._connect = connect
        self._timeout = timeout_seconds
        self._name = name

    def __repr__(self) -> str:
        return f"MySql({self._name!r})"

    def connections(self) -> Connections:
        """Return the connections in use against the most that are allowed."""
        status, variables = self.status(), self.variables()
        return Connections(
            used=_number(status, "Threads_connected"),
            maximum=_number(variables, "max_connections"),
            most_used=_number(status, "Max_used_connections"),
        )

    def status(self) -> dict[str, str]:
        """Return every value of SHOW GLOBAL STATUS."""
        return self._pairs("global_status")

    def variables(self) -> dict[str, str]:
        """Return every value of SHOW GLOBAL VARIABLES."""
        return self._pairs("global_variables")

    def slow_queries(self) -> SlowQueries:
        """Return how many slow queries the server has counted; two readings give a rate."""
        status, variables = self.status(), self.variables()
        return SlowQueries(
            count=_number(status, "Slow_queries"),
            threshold_seconds=float(variables.get("long_query_time", "nan")),
            uptime_seconds=_number(status, "Uptime"),
            log_enabled=variables.get("slow_query_log", "").upper() in {"ON", "1"},
        )

    def database_sizes(self) -> list[DatabaseSize]:
        """Return the databases that are not the server's own, largest first."""
        return [
            DatabaseSize(str(row["name"]), int(row["data_bytes"]), int(row["index_bytes"]))
            for row in self._run("database_sizes")
        ]

    def replication(self) -> list[Replication]:
        """Return how this server follows each of its sources; nothing if it is no replica."""
        return [_replication(row) for row in self._run("replica_status")]

    def processes(self) -> list[Process]:
        """Return the connections but our own, the one longest in its state first."""
        return [
            Process(
                id=int(row["id"]),
                user=str(row["user"]),
                host=str(row["host"]),
                database=row["database_name"],
                command=str(row["command"]),
                seconds=float(row["seconds"] or 0),
                state=str(row["state"] or ""),
                query=None if row["query"] is None else mask_secrets(str(row["query"]))[:QUERY_LENGTH],
            )
            for row in self._run("processes")
        ]

    def ping(self) -> None:
        """Return if the server answers a query."""
        self._run("ping")

    def _pairs(self, name: str) -> dict[str, str]:
        return {str(row["Variable_name"]): str(row["Value"]) for row in self._run(name)}

    def _run(self, name: str) -> list[sql.Row]:
        with self._session() as connection:
            return sql.run(connection, "mysql", name)

    @contextmanager
    def _session(self) -> Iterator[sql.Connection]:
        """Connect and set the time limit: MariaDB's in seconds, MySQL's in milliseconds."""
        with sql.session(self._connect, self._name, self._timeout) as connection:
            version = str(sql.run(connection, "mysql", "version")[0]["version"])
            if "mariadb" in version.lower():
                sql.run(connection, "mysql", "limit_mariadb", {"seconds": self._timeout})
            else:
                sql.run(connection, "mysql", "limit_mysql", {"milliseconds": round(self._timeout * 1000)})
            yield connection


def _number(values: dict[str, str], name: str) -> int:
    try:
        return int(values[name])
    except (KeyError, ValueError) as e:
        raise BadAnswer(f"MySQL gives no number for {name}: {safe_excerpt(repr(values.get(name)))}") from e


def _replication(row: sql.Row) -> Replication:
    """Read a row of SHOW REPLICA STATUS, in MariaDB's old words or in MySQL's new ones."""

    def either(*names: str) -> Any:
        return next((row[name] for name in names if name in row), None)

    receiving = either("Replica_IO_Running", "Slave_IO_Running") == "Yes"
    applying = either("Replica_SQL_Running", "Slave_SQL_Running") == "Yes"
    lag = either("Seconds_Behind_Source", "Seconds_Behind_Master")
    said = [str(row[name]) for name in ("Last_IO_Error", "Last_SQL_Error") if row.get(name)]
    stopped = [] if receiving and applying else ["replication is not running"]
    return Replication(
        channel=str(either("Channel_Name", "Connection_name") or ""),
        source=f"{either('Source_Host', 'Master_Host')}:{either('Source_Port', 'Master_Port')}",
        receiving=receiving,
        applying=applying,
        lag_seconds=int(lag) if lag is not None and receiving and applying else None,
        problem="; ".join(safe_excerpt(text) for text in said or stopped) or None,
    )
