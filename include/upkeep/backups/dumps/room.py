"""The room on a server's disk: what the server tells of it, and how it says that there is none."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError
from upkeep.findings.units import format_value

FULL = "the disk of the server is full: make room there, and try again"
ASK_SECONDS = 20.0
"""How long a server may do nothing before it is asked whether it waits for room."""

_SAID = re.compile(r"no space left|disk( is)? full|could not extend file|ERROR 1021\b|ERROR 1114\b", re.I)
WAITS = """
SELECT ID FROM information_schema.PROCESSLIST WHERE STATE = 'Waiting for someone to free space' AND DB = %s
"""
"""The connections to a database of MariaDB that wait for room on its disk."""
_DISKS = "SELECT Path, Available FROM information_schema.DISKS"


def says_full(said: str) -> bool:
    """Return whether a server's words are that its disk is full.

    >>> says_full("ERROR 1114 (HY000) at line 2: The table 'orders' is full")
    True
    """
    return _SAID.search(said) is not None


def waits_for_room(server: DatabaseServer) -> str | None:
    """Return FULL where a statement to the database waits for room; None where none does.

    What is written to MariaDB's tables of Aria and MyISAM, and to its binary log, waits so for ever. Such a
    statement must not be killed: Aria then takes no more writes until the server is started again.
    """
    if server.engine != "mysql":
        return None
    with suppress(TemporaryError, PermanentError), server.at("").session(10) as session:
        return FULL if session.run(WAITS, (server.database,)) else None
    return None


def room_of(server: DatabaseServer) -> int | None:
    """Return how many bytes are free on the disk of a server's data; None where it does not tell.

    Only MariaDB does, with its plugin DISKS, to whom has the right FILE.
    """
    if server.engine != "mysql":
        return None
    with server.at("").session() as session:
        try:
            rows = session.run(_DISKS)
        except (PermanentError, ConfigurationError):
            return None
        folder = str(session.value("SELECT @@datadir"))
    below: list[tuple[Any, ...]] = [row for row in rows if f"{folder}/".startswith(f"{row[0].rstrip('/')}/")]
    return 1024 * int(max(below, key=lambda row: len(row[0]))[1]) if below else None


def room_note(needed: int | None, room: int | None) -> str:
    """Return what a plan says of the room."""
    free = "unknown: the server does not tell" if room is None else format_value(room, "bytes")
    took = "unknown" if needed is None else format_value(needed, "bytes")
    return f"size of the dumped database: {took}; room on the server's disk: {free}"
