"""What the watchdog remembers from minute to minute: when it went well, and since when something is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql

from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import Watch


@dataclass(frozen=True)
class Followed:
    """Since when each thing has been wrong, and the things that are wrong no more."""

    since: dict[str, datetime]
    over: list[str]


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


@contextmanager
def follow(
    engine: Engine, name: str, wrong: Collection[str], now: datetime, looked_at: Collection[str] | None = None
) -> Iterator[Followed]:
    """Follow since when things have been wrong, over one look; `name`: of what is looked for.

    wrong: what this look found wrong. looked_at: what it looked at, None for everything; of the rest nothing
    new is known. The look is recorded when the block ends well, else the next one takes its place.
    """
    before = _facts(engine, name)
    over = [one for one in sorted(before) if one not in wrong and (looked_at is None or one in looked_at)]
    since = {one: datetime.fromisoformat(at) for one, at in before.items() if one not in over}
    since |= {one: now for one in wrong if one not in since}
    yield Followed(since, over)
    went_well(engine, name, now, {one: at.isoformat() for one, at in since.items()})


def _facts(engine: Engine, name: str) -> dict[str, str]:
    with told_apart(), engine.connect() as connection:
        return connection.scalar(select(Watch.facts).where(Watch.name == name)) or {}
