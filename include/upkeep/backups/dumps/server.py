"""One database on one server: how its driver and its programs reach it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from upkeep.clients import mysql, postgres, sql
from upkeep.errors import ConfigurationError

CONNECT_SECONDS = 10
Engine = Literal["mysql", "postgres"]
Tls = Literal["off", "prefer", "verify"]
_SSL_MODES = {"off": "disable", "prefer": "prefer", "verify": "verify-full"}


@dataclass(frozen=True)
class DatabaseServer:
    """Where a database is and who logs in. engine: `mysql` is MariaDB too.

    tls: `verify` demands TLS and checks the server's certificate and name against ca_file (PEM);
    `prefer` uses TLS where the server offers it and verifies nothing. maintenance: PostgreSQL's database
    to connect to while others are created, renamed and dropped.
    """

    engine: Engine
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    ca_file: str | None = None
    tls: Tls = "prefer"
    maintenance: str = "postgres"

    def __post_init__(self) -> None:
        if self.tls == "verify" and self.ca_file is None:
            raise ConfigurationError(f"{self.where}: TLS is to be verified, but no CA file is given")

    @property
    def where(self) -> str:
        """The server and the database, for messages."""
        return f"{self.engine}://{self.host}:{self.port}/{self.database}"

    def at(self, database: str) -> DatabaseServer:
        """Return the same login for another database."""
        return replace(self, database=database)

    def environment(self) -> dict[str, str]:
        """Return the environment for the engine's programs; it alone holds the password.

        Nothing of ours that would change what they do (PGOPTIONS, MYSQL_HOST, a language) is passed on.
        """
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        kept |= {"LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
        if self.engine == "mysql":
            return kept | {"MYSQL_PWD": self.password}
        ours = {
            "PGPASSWORD": self.password,
            "PGSSLMODE": _SSL_MODES[self.tls],
            "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS),
            "PGAPPNAME": "upkeep",
        }
        return kept | ours | ({"PGSSLROOTCERT": self.ca_file} if self.ca_file else {})

    def arguments(self) -> list[str]:
        """Return the arguments by which the engine's programs reach the server; without the database."""
        address = [f"--host={self.host}", f"--port={self.port}"]
        if self.engine == "postgres":
            return [*address, f"--username={self.user}", "--no-password"]
        tls = {"off": ["--skip-ssl"], "prefer": [], "verify": ["--ssl", "--ssl-verify-server-cert"]}[self.tls]
        authority = [f"--ssl-ca={self.ca_file}"] if self.ca_file else []
        return ["--no-defaults", "--protocol=tcp", *address, f"--user={self.user}", *tls, *authority]

    @contextmanager
    def session(self, timeout_seconds: float = 60) -> Iterator[Session]:
        """Connect, in autocommit mode; the driver's errors become ours.

        timeout_seconds: the server ends a statement after it.
        """
        with sql.errors(self.where):
            connection = self._connect(timeout_seconds)
            connection.autocommit = True
        with closing(connection):
            session = Session(connection, self)
            session.limit(timeout_seconds)
            yield session

    def _connect(self, timeout_seconds: float) -> Any:
        address = (self.host, self.port, self.user, self.password, self.database)
        if self.engine == "postgres":
            tls: dict[str, Any] = {"sslmode": _SSL_MODES[self.tls]} | (
                {"sslrootcert": self.ca_file} if self.ca_file else {}
            )
            return postgres.connector(*address, timeout_seconds=CONNECT_SECONDS, **tls)()
        options: dict[str, Any] = {"ssl_disabled": True} if self.tls == "off" else {}
        if self.ca_file:
            options["ssl_ca"] = self.ca_file
        if self.tls == "verify":
            options |= {"ssl_verify_cert": True, "ssl_verify_identity": True}
        connection: Any = mysql.connector(*address, timeout_seconds=CONNECT_SECONDS, **options)()
        # The server ends a statement at its limit; this is for one that no longer answers.
        connection.read_timeout = round(timeout_seconds) + CONNECT_SECONDS
        return connection


class Session:
    """An open connection."""

    def __init__(self, connection: Any, server: DatabaseServer) -> None:
        self._connection, self._engine, self._where = connection, server.engine, server.where

    def run(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, its values bound by the driver; return its rows."""
        with sql.errors(self._where), closing(self._connection.cursor()) as cursor:
            cursor.execute(query, values or None)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, None if there is none."""
        found = self.run(query, values)
        return found[0][0] if found else None

    def cut(self) -> None:
        """Cut PostgreSQL's connection under a statement of another thread.

        Asking the server to cancel it would need the network, which may be what is broken.
        """
        with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)

    def name(self, *parts: str) -> str:
        """Return a quoted identifier.

        A name with `%` in it would be taken for a place of a value where values are bound as well:
        statements here have either the one or the other.
        """
        quote = '"' if self._engine == "postgres" else "`"
        return ".".join(f"{quote}{part.replace(quote, quote * 2)}{quote}" for part in parts)

    def version(self) -> str:
        """Return what the server says of its version."""
        if self._engine == "postgres":
            return str(self.value("SHOW server_version"))
        return str(self.value("SELECT VERSION()"))

    def limit(self, seconds: float) -> None:
        """Have the server end every later statement after so long."""
        if self._engine == "postgres":
            self.run(f"SET statement_timeout = {round(seconds * 1000)}")
        elif "mariadb" in self.version().lower():
            self.run(f"SET max_statement_time = {float(seconds)}")
        else:
            self.run(f"SET max_execution_time = {round(seconds * 1000)}")
