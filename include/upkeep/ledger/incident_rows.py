"""What every change of an incident shares: its locks, its state, its history, and who is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Engine, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from upkeep.errors import PermanentError
from upkeep.incidents import chains
from upkeep.incidents.model import ChainCopy
from upkeep.incidents.steps import State
from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow

STORM = "storm"
"""The issue type of the incident that many at once fold into, and the end of its fold key."""

KEYED = ("pagerduty",)
"""The channels where a notice reaches only the page that was sent under its key, and not the person."""


@contextmanager
def changing(engine: Engine) -> Iterator[Session]:
    """Open a session and commit what is done in it as one transaction; errors are told apart."""
    with told_apart(), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def lock_system(session: Session, system: str) -> None:
    """Let one at a time open, fold or answer incidents of a system, until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"incidents/{system}"}
    )


def locked(session: Session, incident_id: UUID) -> Incident:
    """Return an incident, locked with its system. Raises PermanentError where there is none of that id."""
    system = session.scalar(select(Incident.system).where(Incident.id == incident_id))
    if system is None:
        raise PermanentError(f"the ledger has no incident {incident_id}; `upkeep incidents` lists them")
    lock_system(session, system)
    return session.get_one(Incident, incident_id, with_for_update=True, populate_existing=True)


def state_of(row: Incident) -> State:
    """Return what the incident's next step depends on."""
    return State(
        chain=chains.from_json(row.chain),
        severity=row.severity,
        counted_from=row.counted_from,
        level=row.level,
        round=row.round,
        series=row.series,
        paged_at=row.paged_at,
        heard=row.heard,
        undelivered=row.undelivered,
        acknowledged=row.acknowledged_at is not None,
        resolved=row.resolved_at is not None,
        exhausted=row.exhausted,
        reminders=row.reminders,
        reminded_at=row.reminded_at,
        snoozed_until=row.snoozed_until,
        quiet_until=row.quiet_until,
    )


STEP_COLUMNS = (
    "level",
    "round",
    "series",
    "paged_at",
    "heard",
    "undelivered",
    "exhausted",
    "reminders",
    "reminded_at",
    "snoozed_until",
    "quiet_until",
)
"""The columns that a step changes as they stand in its state."""


def put_state(row: Incident, state: State, next_step_at: datetime | None) -> None:
    """Write the state into the row; a step that was decided before is dropped.

    A member of a storm waits for the storm's end, whatever else is to happen next.
    """
    for name in STEP_COLUMNS:
        setattr(row, name, getattr(state, name))
    if not state.acknowledged:
        row.acknowledged_at = row.acknowledged_by = None
    row.next_step_at = None if row.storm_id else next_step_at
    changed(row)


def changed(row: Incident) -> None:
    """Mark that the row has changed, so that a step that was decided before is dropped."""
    row.version += 1
    row.claimed_until = None


def note(
    session: Session, incident_id: UUID, kind: str, at: datetime, who: str | None = None, **more: Any
) -> None:
    """Add a line to an incident's history. more: text, channel, facts."""
    session.add(HistoryRow(incident_id=incident_id, kind=kind, at=at, who=who, **more))


def suppress_pending(session: Session, incident_id: UUID) -> None:
    """Withdraw the pages that are not sent yet. One that is just being sent may still say so."""
    session.execute(
        update(PageRow)
        .where(PageRow.incident_id == incident_id, PageRow.state == "pending")
        .where(PageRow.kind.in_(("page", "reminder")))
        .values(state="suppressed", claimed_until=None)
    )


def tell_the_paged(session: Session, incident_id: UUID, kind: str, at: datetime) -> None:
    """Write notices (acknowledged, resolved) to everybody who was paged, by the channel that took it.

    One for each person; in a channel that goes by keys, one for each page.
    """
    paged = (
        select(PageRow)
        .where(PageRow.incident_id == incident_id, PageRow.state == "sent")
        .where(PageRow.kind.in_(("page", "reminder")))
        .order_by(PageRow.sent_at)
    )
    rows = {_whom(row): row for row in session.scalars(paged)}
    occasion = at.isoformat()
    for whom, row in rows.items():
        notice = {
            "id": uuid5(incident_id, f"{kind}/{occasion}/{whom}"),
            "incident_id": incident_id,
            "series": row.series,
            "level": row.level,
            "round": row.round,
            "number": row.number,
            "kind": kind,
            "owner": row.owner,
            "person": row.person,
            "contact": row.contact,
            "channels": [row.channel],
            "state": "pending",
            "created_at": at,
        }
        session.execute(postgresql.insert(PageRow).values(notice).on_conflict_do_nothing())


def _whom(row: PageRow) -> str:
    key = f"/{row.series}.{row.round}.{row.level}.{row.number}" if row.channel in KEYED else ""
    return f"{row.channel}/{row.target}{key}"


def chain_with_targets(row: Incident, chain: ChainCopy) -> dict[str, Any]:
    """Return the incident's own chain with the targets of another."""
    return row.chain | {
        key: value
        for key, value in asdict(chain).items()
        if key in ("response_seconds", "resolution_seconds")
    }
