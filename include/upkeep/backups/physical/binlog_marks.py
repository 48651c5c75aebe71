"""What a server that is recovered by binary logs says of itself: whose it is, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.errors import PermanentError

MARK = "upkeep_recovery"
"""A database on the recovered server that says what was applied there."""
State = Literal["claimed", "begun", "done"]


def claimed(server: DatabaseServer, plan: Mapping[str, Any]) -> State | None:
    """Return how far a plan has come on a server, None where nothing was begun there.

    Raises PermanentError where another recovery was.
    """
    with server.at("").session() as session:
        # A worker may have been killed after it made the database, and before the table.
        there = session.value("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", (MARK,))
        rows = session.run(f"SELECT state, plan FROM {MARK}.applied") if there else []  # noqa: S608 - ours
    if not rows:
        return None
    state, other = rows[-1]
    if other != summary(plan):
        raise PermanentError(
            f"{server.where} holds another recovery ({other}, {state}); when nobody needs it any more, drop "
            f"what it restored and the database {MARK}"
        )
    return cast("State", state)


def mark(server: DatabaseServer, plan: Mapping[str, Any], state: State) -> None:
    """Note how far a plan has come; `claimed` is that the server is its own and nothing is applied."""
    with server.at("").session() as session:
        session.run(f"CREATE DATABASE IF NOT EXISTS {MARK}")
        session.run(
            f"CREATE TABLE IF NOT EXISTS {MARK}.applied "
            "(one INT PRIMARY KEY, state VARCHAR(10) NOT NULL, plan VARCHAR(200) NOT NULL)"
        )
        session.run(f"REPLACE INTO {MARK}.applied VALUES (1, %s, %s)", (state, summary(plan)))  # noqa: S608


def summary(plan: Mapping[str, Any]) -> str:
    """Return what a plan is, in words that tell it from others."""
    run = f" for {plan['run']}" if plan["run"] else ""
    return f"{plan['file']}:{plan['offset']} to {plan['stop'] or plan['files'][-1]}{run}"


def forget(server: DatabaseServer) -> None:
    """Remove the mark of a recovery from the server; none is no error."""
    with server.at("").session() as session:
        session.run(f"DROP DATABASE IF EXISTS {MARK}")
