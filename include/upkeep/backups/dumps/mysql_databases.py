"""MariaDB's and MySQL's databases: the mark is a table of one row, for MySQL's have no comment."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from upkeep.backups.dumps.marks import Mark, read_mark, simple_value
from upkeep.backups.dumps.room import WAITS
from upkeep.backups.dumps.server import DatabaseServer, Session
from upkeep.errors import TemporaryError

MARK_TABLE = "upkeep_restore_mark"
_TABLE = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
_OTHERS = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME <> %s"
_CONNECTED = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND ID <> CONNECTION_ID()"
_ROUTINES = "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s"


@dataclass(frozen=True)
class MySqlDatabases:
    """See `Databases`."""

    server: DatabaseServer

    def version(self) -> str:
        """Return the server's version."""
        with self._session() as session:
            return session.version()

    def exists(self, name: str) -> bool:
        """Whether there is such a database."""
        with self._session() as session:
            return bool(
                session.run("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", (name,))
            )

    def is_empty(self, name: str) -> bool:
        """Whether it holds no table but the mark, and no routine."""
        with self._session() as session:
            others = session.value(_OTHERS, (name, MARK_TABLE))
            return not others and not session.value(_ROUTINES, (name,))

    def mark(self, name: str) -> Mark | None:
        """Return its mark."""
        with self._session() as session:
            if not session.run(_TABLE, (name, MARK_TABLE)):
                return None
            return read_mark(session.value(f"SELECT mark FROM {session.name(name, MARK_TABLE)}"))  # noqa: S608

    def set_mark(self, name: str, mark: Mark) -> None:
        """Replace its mark; a statement that makes the table with its row leaves no table without one."""
        with self._session() as session:
            table = session.name(name, MARK_TABLE)
            if session.run(_TABLE, (name, MARK_TABLE)):
                session.run(f"UPDATE {table.replace('%', '%%')} SET mark = %s", (mark.text(),))  # noqa: S608
            else:
                columns = "(mark TEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
                session.run(
                    f"CREATE TABLE {table.replace('%', '%%')} {columns} SELECT %s AS mark", (mark.text(),)
                )

    def create(self, name: str, facts: Mapping[str, Any]) -> None:
        """Make an empty one, with the character set that the facts of a dump name."""
        words = ""
        if "character_set" in facts:
            words = f" CHARACTER SET {simple_value(facts['character_set'])}"
            words += f" COLLATE {simple_value(facts['collation'])}"
        with self._session() as session:
            session.run(f"CREATE DATABASE {session.name(name)}{words}")

    def drop(self, name: str) -> None:
        """End its connections, among them that of a restore whose worker was killed, and drop it.

        Raises TemporaryError while one waits for room on the disk, which must not be ended (see `room`).
        """
        with self._session() as session:
            if session.run(WAITS, (name,)):
                raise TemporaryError(
                    f"{self.server.at(name).where}: a statement waits for room on the server's disk; within "
                    "a minute of there being room it goes on, and then the database can be dropped"
                )
            for (number,) in session.run(_CONNECTED, (name,)):
                session.run(f"KILL {int(number)}")
            session.run(f"DROP DATABASE IF EXISTS {session.name(name)}")

    def _session(self) -> AbstractContextManager[Session]:
        return self.server.at("").session()
