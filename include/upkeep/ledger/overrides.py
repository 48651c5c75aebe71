"""Who stands in for whom: made by a form and kept here, for a swap at 22:00 cannot wait for a deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from upkeep.errors import PermanentError
from upkeep.incidents.oncall import StandIn
from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_rows import changing
from upkeep.ledger.incident_tables import Override


def make_override(engine: Engine, system: str, stand_in: StandIn, made_by: str, now: datetime) -> int:
    """Record that somebody stands in, and return the record's id; the same once more returns the first.

    Raises PermanentError where it ends before it begins, or is over already.
    """
    if not stand_in.starts_at < stand_in.ends_at or stand_in.ends_at <= now:
        raise PermanentError(
            f"from {stand_in.starts_at.isoformat()} to {stand_in.ends_at.isoformat()} is no time to come; "
            "give an end that is later than the beginning and than now"
        )
    values = asdict(stand_in)
    with changing(engine) as session:
        same = select(Override).filter_by(system=system, **values).where(Override.cancelled_at.is_(None))
        if known := session.scalars(same.limit(1)).first():
            return known.id
        made = Override(system=system, **values, made_by=made_by, made_at=now)
        session.add(made)
        session.flush()
        return made.id


def cancel_override(engine: Engine, override_id: int, now: datetime) -> None:
    """Cancel an override; a second time changes nothing. Raises PermanentError where there is none."""
    with changing(engine) as session:
        row = session.get(Override, override_id, with_for_update=True)
        if row is None:
            raise PermanentError(f"there is no override {override_id}; the form lists those in force")
        row.cancelled_at = row.cancelled_at or now


def overrides(engine: Engine, system: str, now: datetime) -> Sequence[Override]:
    """Return the overrides of a system that are in force or to come, in the order in which they were made."""
    query = (
        select(Override)
        .where(Override.system == system, Override.ends_at > now, Override.cancelled_at.is_(None))
        .order_by(Override.id)
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def stand_ins(engine: Engine, systems: Sequence[str], now: datetime) -> dict[str, list[StandIn]]:
    """Return who stands in now or later, by system, in the order in which it was decided: the last wins."""
    query = (
        select(Override)
        .where(Override.system.in_(systems), Override.ends_at > now, Override.cancelled_at.is_(None))
        .order_by(Override.id)
    )
    found: dict[str, list[StandIn]] = {system: [] for system in systems}
    with told_apart(), Session(engine) as session:
        for row in session.scalars(query):
            found[row.system].append(StandIn(row.owner, row.person, row.starts_at, row.ends_at))
    return found
