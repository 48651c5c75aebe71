"""Incidents whose next step is due: claimed by one at a time, decided outside, applied if nothing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from upkeep.incidents.model import Person
from upkeep.incidents.oncall import OnCall
from upkeep.incidents.steps import Due, State, Step
from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_rows import STEP_COLUMNS, changing, state_of
from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow

EARLIEST = 500
"""Steps that are looked at for the next one that nobody has claimed: whoever claimed these takes the rest."""

LEASE = timedelta(seconds=60)
"""How long a claim holds: a worker that is killed gives free what it claimed."""


@dataclass(frozen=True)
class DueIncident:
    """An incident whose step is due, as it was when it was claimed."""

    incident: Incident
    state: State


@dataclass(frozen=True)
class Decided:
    """A step of a claimed incident. on_call: for each level of its chain."""

    due: DueIncident
    step: Step
    on_call: Mapping[int, OnCall]


def claim_due(engine: Engine, now: datetime, limit: int = 500, lease: timedelta = LEASE) -> list[DueIncident]:
    """Claim incidents whose step is due, the longest due first. What another has claimed is left out."""
    # A lease that ends later than one taken now was written by a clock that has been put back since.
    free = or_(
        Incident.claimed_until.is_(None), Incident.claimed_until <= now, Incident.claimed_until > now + lease
    )
    due = (
        select(Incident.id)
        .where(Incident.resolved_at.is_(None), Incident.next_step_at.is_not(None))
        .where(Incident.next_step_at <= now, free)
        .order_by(Incident.next_step_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = (
        update(Incident).where(Incident.id.in_(due)).values(claimed_until=now + lease).returning(Incident)
    ).execution_options(synchronize_session=False)
    with changing(engine) as session:
        rows = sorted(session.scalars(claim), key=lambda row: (row.next_step_at, row.id))
        return [DueIncident(row, state_of(row)) for row in rows]


def apply_steps(engine: Engine, decided: Sequence[Decided], now: datetime) -> list[UUID]:
    """Apply steps and write their pages as pending, in one transaction; return the incidents concerned.

    A step whose incident has changed since it was claimed (acknowledged, resolved, raised, claimed by
    another) is dropped: what is then due is claimed again.
    """
    by_id = {one.due.incident.id: one for one in decided}
    with changing(engine) as session:
        current = session.execute(
            select(Incident.id, Incident.version)
            .where(Incident.id.in_(by_id))
            .order_by(Incident.id)
            .with_for_update()
        )
        applied = [by_id[id_] for id_, version in current if version == by_id[id_].due.incident.version]
        if applied:
            session.execute(update(Incident), [_columns(one, now) for one in applied])
            if pages := [_page(one, page, now) for one in applied for page in one.step.pages]:
                session.execute(postgresql.insert(PageRow).on_conflict_do_nothing(), pages)
            _note_skipped(session, applied, now)
        return [one.due.incident.id for one in applied]


def next_wake(engine: Engine) -> datetime | None:
    """Return when the next step of any incident, or the next page that waits, is due; None for neither.

    A page whose sender never said what became of it is due when the claim runs out: without a run then, it
    would wait for the next step of any incident, which may be an hour away. So is a step that was claimed:
    a run before that would find nothing to take, and ask for another at once.
    """
    earliest = (
        select(func.greatest(Incident.next_step_at, Incident.claimed_until).label("at"))
        .where(Incident.resolved_at.is_(None), Incident.next_step_at.is_not(None))
        .order_by(Incident.next_step_at)
        .limit(EARLIEST)
        .subquery()
    )
    step = select(func.min(earliest.c.at))
    page = select(func.min(func.greatest(PageRow.created_at, PageRow.claimed_until))).where(
        PageRow.state == "pending"
    )
    with told_apart(), engine.connect() as connection:
        due = (connection.scalar(step), connection.scalar(page))
        return min((one for one in due if one is not None), default=None)


def wake_stalled(engine: Engine, now: datetime) -> list[UUID]:
    """Make due now what would otherwise sleep for ever, and return it.

    An open incident without a next step that is no storm's member, a member whose storm is over, and one
    whose last step lies more than a lease ahead: the clock was put back.
    """
    storm_over = select(Incident.id).where(Incident.resolved_at.is_not(None))
    without = Incident.next_step_at.is_(None) & Incident.storm_id.is_(None)
    left = Incident.storm_id.is_not(None) & Incident.storm_id.in_(storm_over)
    ahead = (Incident.stepped_at > now + LEASE) & Incident.storm_id.is_(None)
    mend = (
        update(Incident)
        .where(Incident.resolved_at.is_(None), or_(without, left, ahead))
        .values(next_step_at=now, stepped_at=now, storm_id=None, claimed_until=None)
        .values(version=Incident.version + 1)
        .returning(Incident.id)
    )
    with changing(engine) as session:
        return list(session.scalars(mend.execution_options(synchronize_session=False)))


def _columns(one: Decided, now: datetime) -> dict[str, Any]:
    state, incident = one.step.state, one.due.incident
    answered = {} if state.acknowledged else {"acknowledged_at": None, "acknowledged_by": None}
    return {
        "id": incident.id,
        **{name: getattr(state, name) for name in STEP_COLUMNS},
        # Kept as it is where it was: each row of a bulk update names the same columns.
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        **answered,
        "next_step_at": one.step.next_step_at,
        "stepped_at": now,
        "claimed_until": None,
        "version": incident.version + 1,
    }


def _page(one: Decided, page: Due, now: datetime) -> dict[str, Any]:
    level = one.due.state.chain.levels[page.level]
    person: Person | None = one.on_call[page.level].person
    if person is None:
        raise ValueError(f"level {page.level} is paged, but nobody is on call for it")
    return {
        "id": page.page_id(one.due.incident.id),
        "incident_id": one.due.incident.id,
        "series": page.series,
        "level": page.level,
        "round": page.round,
        "number": page.number,
        "kind": page.kind,
        "owner": level.owner,
        "person": person.name,
        "contact": asdict(person),
        "channels": list(level.channels),
        "state": "pending",
        "created_at": now,
    }


def _note_skipped(session: Session, applied: Sequence[Decided], now: datetime) -> None:
    """Note each reason for an empty level once an incident: it is looked at again every few minutes."""
    lines = {
        (one.due.incident.id, f"level {level} ({_owner(one, level)}): {one.on_call[level].reason}")
        for one in applied
        for level in one.step.skipped
    }
    if not lines:
        return
    noted = session.execute(
        select(HistoryRow.incident_id, HistoryRow.text)
        .where(HistoryRow.incident_id.in_({incident_id for incident_id, _ in lines}))
        .where(HistoryRow.kind == "level_skipped")
    )
    new = sorted(lines.difference((incident_id, str(text)) for incident_id, text in noted))
    if new:
        rows = [{"incident_id": i, "at": now, "kind": "level_skipped", "text": text} for i, text in new]
        session.execute(insert(HistoryRow), rows)


def _owner(one: Decided, level: int) -> str:
    return one.due.state.chain.levels[level].owner
