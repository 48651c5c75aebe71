"""What the KPI report reads: the incidents of a period as they were known at its end.

The incidents' history says what was known when, so that the report of last March reads the same today as it
did on the first of April.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from upkeep.checks.context import PastIncident
from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_rows import STORM
from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow
from upkeep.ledger.recovery import WHO
from upkeep.ledger.tables import Run

Events = dict[UUID, list[HistoryRow]]
Paged = dict[UUID, dict[str, datetime]]
"""Incident → owner → when the first page to it was delivered."""


def incidents(engine: Engine, system: str, since: datetime, until: datetime) -> Sequence[PastIncident]:
    """Return the incidents that opened from `since` and before `until`, as known then, oldest first.

    A storm is not counted besides the incidents in it; whoever answered the storm has answered them, and its
    pages are theirs.
    """
    opened = (
        select(Incident)
        .where(Incident.system == system, Incident.issue_type != STORM)
        .where(Incident.opened_at >= since, Incident.opened_at < until)
        .order_by(Incident.opened_at, Incident.id)
    )
    with told_apart(), Session(engine) as session:
        rows = session.scalars(opened).all()
        events = _events(session, [row.id for row in rows], until)
        storms = {row.id: _storms(events[row.id]) for row in rows}
        outside = {storm for found in storms.values() for storm in found}
        events |= _events(session, outside, until)
        paged = _paged(session, [*events, *outside], until)
        return [_past(row, events, paged, storms[row.id]) for row in rows]


def known_since(engine: Engine, system: str) -> datetime | None:
    """Return when the ledger first recorded a run of the system, None if it never did."""
    with told_apart(), Session(engine) as session:
        return session.scalar(select(func.min(Run.recorded_at)).where(Run.system == system))


def _events(session: Session, ids: Collection[UUID], until: datetime) -> Events:
    found: Events = defaultdict(list)
    query = select(HistoryRow).where(HistoryRow.incident_id.in_(ids), HistoryRow.at < until)
    for event in session.scalars(query.order_by(HistoryRow.at, HistoryRow.id)):
        found[event.incident_id].append(event)
    return found


def _storms(events: Iterable[HistoryRow]) -> list[UUID]:
    return [UUID(event.facts["storm"]) for event in events if event.kind == STORM and event.facts]


def _paged(session: Session, ids: Collection[UUID], until: datetime) -> Paged:
    query = (
        select(PageRow)
        .where(PageRow.incident_id.in_(ids), PageRow.kind == "page", PageRow.sent_at < until)
        .order_by(PageRow.sent_at)
    )
    found: Paged = defaultdict(dict)
    for page in session.scalars(query):
        if page.sent_at is not None:
            found[page.incident_id].setdefault(page.owner, page.sent_at)
    return found


def _past(row: Incident, events: Events, paged: Paged, storms: Sequence[UUID]) -> PastIncident:
    own = [event for event in events[row.id] if event.kind in ("resolved", "reopened")]
    answers = [event.at for one in (row.id, *storms) for event in events[one] if _answers(event)]
    pages = sorted(
        ((at, owner) for one in (row.id, *storms) for owner, at in paged[one].items()), reverse=True
    )
    return PastIncident(
        id=str(row.id),
        severity=row.severity,
        title=row.title,
        began_at=row.began_at,
        opened_at=row.opened_at,
        # A storm may have been answered before this incident joined it.
        answered_at=max(min(answers), row.opened_at) if answers else None,
        resolved_at=own[-1].at if own and own[-1].kind == "resolved" else None,
        paged={owner: at for at, owner in sorted(pages, reverse=True)},
    )


def _answers(event: HistoryRow) -> bool:
    """Whether somebody took the incident: acknowledged it, or resolved it without."""
    return event.kind == "acknowledged" or (event.kind == "resolved" and event.who != WHO)
