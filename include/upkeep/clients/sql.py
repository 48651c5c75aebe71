"""SQL over any DB-API driver: one `.sql` file a query, parameters bound by the driver, a time limit."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from upkeep.clients.answers import safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

FOLDER = Path(__file__).parents[2] / "sql"

MAX_ROWS = 10_000
"""Rows that a status query may answer; more means that it asks the wrong question."""

Row = Mapping[str, Any]


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """The columns: name first."""

    def execute(self, query: str, parameters: Mapping[str, Any], /) -> Any:
        """Run a query."""

    def fetchmany(self, size: int, /) -> Sequence[Sequence[Any]]:
        """Return the next rows."""

    def close(self) -> None:
        """Close it."""


class Connection(Protocol):
    """What is used of a DB-API connection."""

    def cursor(self) -> Any:
        """Return a new cursor."""

    def rollback(self) -> None:
        """End the transaction; nothing here changes anything."""

    def close(self) -> None:
        """Close it."""


Connect = Callable[[], Connection]
"""Makes a connection; it sets the time-outs of connecting and reading, which DB-API does not know."""


@cache
def load(engine: str, name: str) -> str:
    """Return the query in `sql/<engine>/<name>.sql`; raise ConfigurationError if there is none."""
    path = FOLDER / engine / f"{name}.sql"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as e:
        raise ConfigurationError(f"cannot read the query {path}: {e.strerror}") from e


def run(
    connection: Connection, engine: str, name: str, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """Run the query of that name and return its rows, by column.

    Raises what the driver raises, and BadAnswer above MAX_ROWS rows.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute(load(engine, name), parameters or {})
        columns = [str(column[0]) for column in cursor.description or ()]
        found = cursor.fetchmany(MAX_ROWS + 1) if columns else []
        if len(found) > MAX_ROWS:
            raise BadAnswer(f"{engine}/{name}.sql: more than {MAX_ROWS} rows")
        return [dict(zip(columns, row, strict=True)) for row in found]


@contextmanager
def session(connect: Connect, where: str, timeout_seconds: float) -> Iterator[Connection]:
    """Connect, and close at the end of the block, whatever happens; errors become ours.

    After twice the time-out the connection is cut: the server should have ended a statement long
    before, so it hangs, and libpq would wait for ever.
    """
    with errors(where):
        connection = connect()
        guard = threading.Timer(2 * timeout_seconds, _cut, [connection])
        guard.daemon = True
        guard.start()
        try:
            yield connection
            connection.rollback()
        finally:
            guard.cancel()
            guard.join()  # the socket's number must not be another's when it is cut
            with suppress(Exception):
                connection.close()


def _cut(connection: Connection) -> None:
    """Shut the connection's socket down, for drivers that show it and have no read time-out."""
    fileno = getattr(connection, "fileno", None)
    if fileno is not None:
        with suppress(Exception), socket.socket(fileno=os.dup(fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


@contextmanager
def errors(where: str) -> Iterator[None]:
    """Translate a DB-API driver's exceptions into ours; others pass."""
    try:
        yield
    except UpkeepError:
        raise
    except Exception as e:
        # Every driver names the root of its exceptions Error, as DB-API demands, and shares no class.
        if not isinstance(e, OSError) and not any(base.__name__ == "Error" for base in type(e).__mro__):
            raise
        raise _error(e, where) from e


_DENIED = {1044, 1045, 1049, 1142, 1143, 1227, 1698, 3159}
"""MySQL's errors of credentials, rights and unknown databases."""

_BUSY = {1040, 1203, 1205, 1213, 1317, 1969, 3024, 1053, 1077, 1079, 2002, 2003, 2006, 2013, 2055}
"""MySQL's errors of too many connections, locks, time limits, shutdown and lost connections."""

_DENIED_STATES = ("28", "3D", "42501", "0L", "0P")
_BUSY_STATES = ("08", "53", "57", "40", "55P03", "58", "70100")


def _error(e: Exception, where: str) -> UpkeepError:
    """Return our error for a driver's, by its SQLSTATE, its number, or else its class."""
    said = safe_excerpt(str(e)) or type(e).__name__
    state = str(getattr(e, "pgcode", None) or getattr(e, "sqlstate", None) or "")
    number = getattr(e, "errno", None) or (e.args[0] if e.args and isinstance(e.args[0], int) else None)
    if number in _BUSY or (number is None and state.startswith(_BUSY_STATES)):
        return TemporaryError(f"{where}: {said}")
    # PostgreSQL reports a refusal while connecting without its code, only in words (and in its own language).
    refused = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")
    if (
        number in _DENIED
        or state.startswith(_DENIED_STATES)
        or (not state and any(r in str(e) for r in refused))
    ):
        return ConfigurationError(f"{where}: {said}; check the connection's credentials, rights and database")
    names = {base.__name__ for base in type(e).__mro__}
    if isinstance(e, OSError) or names & {"OperationalError", "InterfaceError", "PoolError"}:
        return TemporaryError(f"{where}: {said}")
    return PermanentError(f"{where}: {said}")
