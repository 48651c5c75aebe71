"""When something that must go on went well the last time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql

from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import Watch


def good_at(engine: Engine, name: str) -> datetime | None:
    """Return when it went well the last time, None if never."""
    with told_apart(), engine.connect() as connection:
        return connection.scalar(select(Watch.good_at).where(Watch.name == name))


def went_well(engine: Engine, name: str, at: datetime, facts: dict[str, Any]) -> None:
    """Record that it went well."""
    statement = postgresql.insert(Watch).values(name=name, good_at=at, facts=facts)
    changed = {"good_at": at, "facts": facts}
    with told_apart(), engine.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))
