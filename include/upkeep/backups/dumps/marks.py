"""Databases that restores made: each carries a mark, and only what carries one is ever dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.errors import ConfigurationError, PermanentError

State = Literal["restoring", "restored", "kept"]
_TITLE = "upkeep"


@dataclass(frozen=True)
class Mark:
    """What a database is to us. copy: the reference of the dump in it; for `kept`, of that which replaced it.

    sha256: of that dump. facts: of the restore, once it is `restored`.
    """

    state: State
    copy: str
    sha256: str | None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as a text that `read_mark` understands."""
        return json.dumps({_TITLE: asdict(self)}, sort_keys=True)


def read_mark(text: str | None) -> Mark | None:
    """Return the mark in a text, None if it is another's.

    >>> read_mark(Mark("kept", "s3://b/k", None).text())
    Mark(state='kept', copy='s3://b/k', sha256=None, facts={})
    >>> read_mark("the shop")
    """
    try:
        found = json.loads(text or "")
        return Mark(**found[_TITLE])
    except (ValueError, TypeError, KeyError):
        return None


class Databases(Protocol):
    """Databases of one server, by name; an engine's own way to look, make, mark and drop."""

    def version(self) -> str:
        """Return the server's version."""

    def exists(self, name: str) -> bool:
        """Whether there is such a database."""

    def is_empty(self, name: str) -> bool:
        """Whether it holds nothing but our mark."""

    def mark(self, name: str) -> Mark | None:
        """Return its mark, None if it has none or does not exist."""

    def set_mark(self, name: str, mark: Mark) -> None:
        """Replace its mark."""

    def create(self, name: str, facts: Mapping[str, Any]) -> None:
        """Make an empty one, with the character set that the facts of a dump name."""

    def drop(self, name: str) -> None:
        """End its connections and drop it; one that is gone is no error."""


def databases(server: DatabaseServer) -> Databases:
    """Return the databases of a server."""
    if server.engine == "postgres":
        from upkeep.backups.dumps.postgres_databases import PostgresDatabases

        return PostgresDatabases(server)
    from upkeep.backups.dumps.mysql_databases import MySqlDatabases

    return MySqlDatabases(server)


def drop_restored(target: DatabaseServer, copy: str | None = None) -> bool:
    """Drop the database `target` if a restore made it; return whether there was one.

    copy: the reference of the dump that must be in it. Raises PermanentError for a database that carries no
    mark of a restore, that holds another dump, or that is kept for going back.
    """
    those = databases(target)
    if not those.exists(target.database):
        return False
    mark = those.mark(target.database)
    if mark is None or mark.state == "kept":
        why = "is kept for going back" if mark else "carries no mark of a restore"
        raise PermanentError(f"{target.where}: the database {why}, and is not dropped")
    if copy is not None and mark.copy != copy:
        raise PermanentError(f"{target.where}: it holds {mark.copy}, not {copy}, and is not dropped")
    those.drop(target.database)
    return True


def simple_value(value: Any) -> str:
    """Return the name of a character set or locale; ConfigurationError for what cannot be one.

    Such names stand in statements where no value can be bound.
    """
    text = str(value)
    if not text or not all(c.isalnum() or c in "_-.@" for c in text):
        raise ConfigurationError(f"not the name of a character set or locale: {text[:40]!r}")
    return text
