"""The partitions of the measurements in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from upkeep.ledger.errors import told_apart
from upkeep.ledger.months import Month, expired

LOCK = 0x75706B01
"""The advisory lock under which partitions are made and dropped; any number of our own."""

_EXISTING = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'measurements'::regclass"
)


def ensure(connection: Connection, times: Iterable[datetime]) -> None:
    """Make the partitions of these times where they are missing, within the caller's transaction."""
    wanted = {Month.of(at) for at in times}
    if missing := wanted - _months(connection):
        # Two writers at once: the second waits, and then finds it made.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        for month in sorted(missing - _months(connection)):
            _create(connection, month)


def expired_partitions(engine: Engine, now: datetime, keep_months: int) -> list[str]:
    """Return the partitions past their retention, oldest first."""
    with told_apart(), engine.connect() as connection:
        return expired(connection.scalars(_EXISTING).all(), now, keep_months)


def drop_before(engine: Engine, now: datetime, keep_months: int) -> list[str]:
    """Drop the partitions past their retention and return their names."""
    with told_apart(), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        names = expired(connection.scalars(_EXISTING).all(), now, keep_months)
        quote = connection.dialect.identifier_preparer.quote
        for name in names:
            connection.exec_driver_sql(f"DROP TABLE {quote(name)}")
        return names


def _months(connection: Connection) -> set[Month]:
    found = (Month.from_partition(name) for name in connection.scalars(_EXISTING))
    return {month for month in found if month}


def _create(connection: Connection, month: Month) -> None:
    # DDL takes no parameters; the name and the bounds come from whole numbers.
    quote = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql(
        f"CREATE TABLE {quote(month.partition)} PARTITION OF measurements "
        f"FOR VALUES FROM ('{month.start.isoformat()}') TO ('{month.plus(1).start.isoformat()}')"
    )
