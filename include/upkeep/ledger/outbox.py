"""Pages between being written and being delivered: nothing is lost by a crash, nothing sent under two ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.orm import Session

from upkeep.ledger.incident_rows import changed, changing, note, tell_the_paged
from upkeep.ledger.incident_tables import Incident, PageRow
from upkeep.ledger.stepping import LEASE

TRY_AGAIN = timedelta(minutes=5)
"""When a reminder that nobody could be told is tried again."""


@dataclass(frozen=True)
class Outgoing:
    """A page to send, with its incident as it is now."""

    page: PageRow
    incident: Incident


@dataclass(frozen=True)
class Sent:
    """What became of a page. failures: channel and reason of each that did not take it; no secrets."""

    page_id: UUID
    delivered: bool
    channel: str | None
    target: str | None
    attempts: int
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Copy:
    """A copy of a page to a channel besides the one that pages. error: why it was not taken."""

    incident_id: UUID
    channel: str
    delivered: bool
    error: str


def note_copies(engine: Engine, copies: Sequence[Copy], now: datetime) -> None:
    """Add to the incidents' histories what became of copies; nothing else depends on them."""
    if not copies:
        return
    with changing(engine) as session:
        for copy in copies:
            kind = "copied" if copy.delivered else "copy_failed"
            note(session, copy.incident_id, kind, now, channel=copy.channel, text=copy.error or None)


def claim_pages(engine: Engine, now: datetime, limit: int = 500, lease: timedelta = LEASE) -> list[Outgoing]:
    """Claim pages that wait to be sent, oldest first; also those whose sender never said what became of them.

    The lease must be longer than sending takes.
    """
    free = or_(
        PageRow.claimed_until.is_(None), PageRow.claimed_until <= now, PageRow.claimed_until > now + lease
    )
    waiting = (
        select(PageRow.id)
        .where(PageRow.state == "pending", free)
        .order_by(PageRow.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = (
        update(PageRow).where(PageRow.id.in_(waiting)).values(claimed_until=now + lease).returning(PageRow)
    ).execution_options(synchronize_session=False)
    with changing(engine) as session:
        pages = sorted(session.scalars(claim), key=lambda page: (page.created_at, page.level, page.id))
        ids = {page.incident_id for page in pages}
        incidents = {row.id: row for row in session.scalars(select(Incident).where(Incident.id.in_(ids)))}
        return [Outgoing(page, incidents[page.incident_id]) for page in pages]


def record_pages(engine: Engine, outcomes: Sequence[Sent], now: datetime) -> None:
    """Record what became of pages, in one transaction. A repetition changes nothing.

    A page that no channel took is a dead letter: the next level is due now. A reminder that none took is
    tried again in five minutes. Whoever was paged while the incident was answered is told of the answer.
    """
    by_id = {one.page_id: one for one in outcomes}
    with changing(engine) as session:
        incidents = _incidents_of(session, by_id)
        pages = session.scalars(
            select(PageRow).where(PageRow.id.in_(by_id)).order_by(PageRow.id).with_for_update()
        )
        for page in pages:
            if page.state not in ("sent", "dead"):
                _record(session, page, incidents[page.incident_id], by_id[page.id], now)


def _incidents_of(session: Session, page_ids: dict[UUID, Sent]) -> dict[UUID, Incident]:
    ids = select(PageRow.incident_id).where(PageRow.id.in_(page_ids))
    query = select(Incident).where(Incident.id.in_(ids)).order_by(Incident.id).with_for_update()
    return {row.id: row for row in session.scalars(query)}


def _record(session: Session, page: PageRow, incident: Incident, sent: Sent, now: datetime) -> None:
    page.state = "sent" if sent.delivered else "dead"
    page.channel, page.target, page.attempts = sent.channel, sent.target, sent.attempts
    page.claimed_until = None
    page.error = "; ".join(f"{channel}: {reason}" for channel, reason in sent.failures) or None
    for channel, reason in sent.failures:
        note(session, incident.id, "page_failed", now, page.person, channel=channel, text=reason)
    facts = {"page": str(page.id), "kind": page.kind, "level": page.level}
    if not sent.delivered:
        note(session, incident.id, "dead_letter", now, page.person, text=page.error, facts=facts)
        _not_delivered(page, incident, now)
        return
    page.sent_at = now
    note(session, incident.id, "paged", now, page.person, channel=sent.channel, facts=facts)
    if page.kind in ("page", "reminder"):
        _delivered(session, page, incident)


def _delivered(session: Session, page: PageRow, incident: Incident) -> None:
    if (page.series, page.round) == (incident.series, incident.round) and not incident.heard:
        incident.heard = True
        changed(incident)
    # Only then is the row needed in the database: a thousand pages are otherwise written in a few statements.
    if incident.resolved_at:
        session.flush()
        tell_the_paged(session, incident.id, "resolved", incident.resolved_at)
    elif incident.acknowledged_at and page.created_at <= incident.acknowledged_at:
        session.flush()
        tell_the_paged(session, incident.id, "acknowledged", incident.acknowledged_at)


def _not_delivered(page: PageRow, incident: Incident, now: datetime) -> None:
    if incident.resolved_at or incident.storm_id:
        return
    place = (page.series, page.round, page.level)
    if page.kind == "page" and place == (incident.series, incident.round, incident.level):
        incident.undelivered, incident.next_step_at = True, now
        changed(incident)
    elif page.kind == "reminder":
        incident.reminded_at = None
        incident.next_step_at = min(incident.next_step_at or now + TRY_AGAIN, now + TRY_AGAIN)
        changed(incident)
