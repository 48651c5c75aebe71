"""Whether what was restored says what it must: rows, assertions, foreign keys, its newest record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from upkeep.backups.dumps.foreign_keys import foreign_key_problems
from upkeep.backups.dumps.server import DatabaseServer, Session
from upkeep.backups.model import Level, Proof
from upkeep.clients.answers import aware, safe_excerpt
from upkeep.errors import PermanentError, TemporaryError


@dataclass(frozen=True)
class Assertion:
    """A query that answers one value, and the text that this value must be."""

    name: str
    query: str
    expected: str


@dataclass(frozen=True)
class Newest:
    """How old the newest record may be.

    query: answers one time, such as `SELECT max(created_at) FROM orders`; one without zone is UTC.
    backup_at: when the backup was begun. rpo: the most that may be missing before it.
    """

    query: str
    backup_at: datetime
    rpo: timedelta


def invariants(  # noqa: PLR0913 - each is one invariant
    server: DatabaseServer,
    *,
    assertions: Sequence[Assertion] = (),
    expected_rows: Mapping[str, int] | None = None,
    newest: Newest | None = None,
    foreign_keys: bool = True,
    seconds: float = 300,
) -> Proof:
    """Return the proof of INVARIANTS for a restored database; everything is read only.

    expected_rows: table → rows at backup time (the dump's fact `rows`). foreign_keys: look for rows whose
    parent is missing, table by table. seconds: the server ends a query after it, which is a problem.
    Raises TemporaryError or ConfigurationError if the server cannot be reached.
    """
    at = datetime.now(UTC)
    problems: list[str] = []
    evidence: dict[str, Any] = {"database": server.where}
    with server.session(seconds) as session:
        _read_only(session, server)
        if expected_rows is not None:
            problems += _rows(session, server, expected_rows)
            evidence["tables"] = len(expected_rows)
            evidence["rows"] = sum(expected_rows.values())
        for one in assertions:
            problems += _assertion(session, one)
        evidence["assertions"] = [one.name for one in assertions]
        if foreign_keys:
            checked, orphans = foreign_key_problems(session, server.engine)
            problems += orphans
            evidence["foreign_keys"] = checked
        if newest is not None:
            found, age_problems = _newest(session, newest)
            problems += age_problems
            evidence["newest"] = found
    return Proof(Level.INVARIANTS, at, problems, evidence)


def _read_only(session: Session, server: DatabaseServer) -> None:
    if server.engine == "postgres":
        session.run("SET default_transaction_read_only = on")
    else:
        session.run("SET SESSION TRANSACTION READ ONLY")


def _rows(session: Session, server: DatabaseServer, expected: Mapping[str, int]) -> Iterator[str]:
    only = "ONLY " if server.engine == "postgres" else ""
    for table, rows in sorted(expected.items()):
        parts = table.split(".", 1) if server.engine == "postgres" else [table]
        try:
            found = session.value(f"SELECT COUNT(*) FROM {only}{session.name(*parts)}")  # noqa: S608
        except (PermanentError, TemporaryError) as e:
            yield f"table {table}: {e}"
            continue
        if found != rows:
            yield f"table {table} has {found:,} rows; it had {rows:,} at backup time"


def _assertion(session: Session, one: Assertion) -> Iterator[str]:
    try:
        found = session.run(one.query)
    except (PermanentError, TemporaryError) as e:
        yield f"assertion {one.name!r}: {e}"
        return
    if len(found) != 1 or len(found[0]) != 1:
        yield f"assertion {one.name!r}: it must answer one value, and answered {len(found)} rows"
    elif (text := _text(found[0][0])) != one.expected:
        yield f"assertion {one.name!r}: it answered {safe_excerpt(text)!r}, not {one.expected!r}"


def _text(value: Any) -> str:
    """Return a value as an assertion expects it: whole numbers without a point, NULL, true, false."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    return value.decode(errors="replace") if isinstance(value, bytes | bytearray) else str(value)


def _newest(session: Session, newest: Newest) -> tuple[str | None, list[str]]:
    backup_at = aware(newest.backup_at, "backup_at")
    try:
        found = session.value(newest.query)
    except (PermanentError, TemporaryError) as e:
        return None, [f"newest record: {e}"]
    if not isinstance(found, datetime):
        return None, [
            f"newest record: the query must answer a time, and answered {safe_excerpt(repr(found))}"
        ]
    at = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    age = backup_at - at
    if age <= newest.rpo:
        return at.isoformat(), []
    return at.isoformat(), [
        f"the newest record is of {at.isoformat(timespec='seconds')}, {_minutes(age)} minutes before the "
        f"backup; at most {_minutes(newest.rpo)} may be lost"
    ]


def _minutes(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 60:,.0f}"
