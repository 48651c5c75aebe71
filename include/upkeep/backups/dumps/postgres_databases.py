"""PostgreSQL's databases: the mark is a database's comment."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from upkeep.backups.dumps.marks import Mark, read_mark, simple_value
from upkeep.backups.dumps.server import DatabaseServer, Session

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
_COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
_OBJECTS = """
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema')
  OR EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema')
  OR EXISTS (SELECT FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public'))
"""


@dataclass(frozen=True)
class PostgresDatabases:
    """See `Databases`."""

    server: DatabaseServer

    def version(self) -> str:
        """Return the server's version."""
        with self._session() as session:
            return session.version()

    def exists(self, name: str) -> bool:
        """Whether there is such a database."""
        with self._session() as session:
            return bool(session.run("SELECT 1 FROM pg_database WHERE datname = %s", (name,)))

    def is_empty(self, name: str) -> bool:
        """Whether it holds no table, function or schema."""
        with self.server.at(name).session() as session:
            return not session.value(_OBJECTS)

    def mark(self, name: str) -> Mark | None:
        """Return its mark."""
        with self._session() as session:
            return read_mark(session.value(_COMMENT, (name,)))

    def set_mark(self, name: str, mark: Mark) -> None:
        """Replace its mark."""
        with self._session() as session:
            comment(session, name, mark.text())

    def create(self, name: str, facts: Mapping[str, Any]) -> None:
        """Make an empty one, with the encoding and the locale that the facts of a dump name."""
        words = ["TEMPLATE template0"]
        if "encoding" in facts:
            words.append(f"ENCODING '{simple_value(facts['encoding'])}'")
            words.append(f"LC_COLLATE '{simple_value(facts['collate'])}'")
            words.append(f"LC_CTYPE '{simple_value(facts['ctype'])}'")
        if facts.get("locale_provider") == "icu":
            words.append(f"LOCALE_PROVIDER icu ICU_LOCALE '{simple_value(facts['locale'])}'")
        if facts.get("locale_provider") == "builtin":
            words.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE '{simple_value(facts['locale'])}'")
        with self._session() as session:
            session.run(f"CREATE DATABASE {session.name(name)} {' '.join(words)}")

    def drop(self, name: str) -> None:
        """End its connections and drop it."""
        with self._session() as session:
            session.run(f"DROP DATABASE IF EXISTS {session.name(name)} WITH (FORCE)")

    def _session(self) -> AbstractContextManager[Session]:
        return self.server.at(self.server.maintenance).session()


def comment(session: Session, name: str, text: str | None) -> None:
    """Set a database's comment."""
    query = "SELECT format('COMMENT ON DATABASE %%I IS %%L', %s, %s)"
    session.run(session.value(query, (name, text)))
