"""How people answer an incident. Every answer may be given twice; the incident as it then is is returned.

Each raises PermanentError where the incident does not exist or the answer makes no sense (and says why),
TemporaryError where the ledger does not answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from upkeep.errors import PermanentError
from upkeep.incidents.steps import page_again
from upkeep.ledger.incident_rows import (
    STORM,
    changed,
    changing,
    locked,
    note,
    put_state,
    state_of,
    suppress_pending,
    tell_the_paged,
)
from upkeep.ledger.incident_tables import HistoryRow, Incident


@dataclass(frozen=True)
class Answer:
    """Who answers, when, and how.

    who: the signed-in user's name, or the program that answers for one. at: now, with time zone. text: a
    remark. channel: where from (ui, api, form, pagerduty).
    """

    who: str
    at: datetime
    text: str | None = None
    channel: str | None = None


LONGEST_SNOOZE = timedelta(hours=24)
"""Nobody forgets an incident for longer than a day."""


def acknowledge(engine: Engine, incident_id: UUID, answer: Answer) -> Incident:
    """Record that somebody has the incident; a second acknowledgement keeps the first.

    Pages that wait to be sent are withdrawn, a snooze ends. Whether the next level is paged all the same is
    said by the level that waits. The paged are told. Of a resolved incident it is refused.
    """
    with changing(engine) as session:
        row = locked(session, incident_id)
        _refuse_resolved(row, "acknowledged")
        if row.acknowledged_at is None:
            row.acknowledged_at, row.acknowledged_by = answer.at, answer.who
            suppress_pending(session, row.id)
            changed(row)
            if row.snoozed_until:
                row.snoozed_until = None
                row.next_step_at = None if row.storm_id else answer.at
            _note(session, row, "acknowledged", answer)
            tell_the_paged(session, row.id, "acknowledged", answer.at)
        return row


def resolve(engine: Engine, incident_id: UUID, answer: Answer) -> Incident:
    """Record that the incident is over; a second time changes nothing. The paged are told.

    Of a storm, the members that are still open get steps of their own; where they are still more than the
    storm's limit, the storm is not over, and this is refused.
    """
    with changing(engine) as session:
        row = locked(session, incident_id)
        if row.resolved_at is None:
            end(session, row, answer)
        return row


def reopen(engine: Engine, incident_id: UUID, answer: Answer) -> Incident:
    """Open a resolved incident again: its chain begins anew, its targets count from now.

    Of an open one it changes nothing. Refused where another incident of the same matter is open.
    """
    with changing(engine) as session:
        row = locked(session, incident_id)
        if row.resolved_at is None:
            return row
        query = select(Incident.id).where(
            Incident.system == row.system, Incident.fold_key == row.fold_key, Incident.resolved_at.is_(None)
        )
        if other := session.scalar(query):
            raise PermanentError(f"incident {other} is open for the same matter; answer that one")
        row.resolved_at = row.resolved_by = row.storm_id = None
        row.quiet = row.quiet_until = row.snoozed_until = row.reminded_at = None
        row.counted_from, row.round, row.heard = answer.at, 0, False
        put_state(row, page_again(state_of(row), level=0), answer.at)
        _note(session, row, "reopened", answer)
        return row


def hand_over(engine: Engine, incident_id: UUID, answer: Answer, level: int) -> Incident:
    """Page a level (0 is the first) now and go on from there, even after an acknowledgement."""
    with changing(engine) as session:
        row = locked(session, incident_id)
        _refuse_resolved(row, "handed over")
        owners = [str(one["owner"]) for one in row.chain["levels"]]
        if not 0 <= level < len(owners):
            raise PermanentError(
                f"incident {incident_id} has no level {level}; its levels are "
                + ", ".join(f"{number} ({owner})" for number, owner in enumerate(owners))
            )
        row.snoozed_until = row.quiet_until = row.storm_id = None
        put_state(row, page_again(state_of(row), level), answer.at)
        _note(session, row, "handed_over", answer, {"level": level, "owner": owners[level]})
        return row


def snooze(engine: Engine, incident_id: UUID, answer: Answer, until: datetime) -> Incident:
    """Page nobody until then, at most a day; then the current level is paged again."""
    with changing(engine) as session:
        row = locked(session, incident_id)
        _refuse_resolved(row, "snoozed")
        if not answer.at < until <= answer.at + LONGEST_SNOOZE:
            raise PermanentError(
                f"a snooze ends within {LONGEST_SNOOZE.total_seconds() / 3600:g} hours from now, "
                f"not at {until.isoformat()}"
            )
        if row.snoozed_until != until:
            row.snoozed_until = until
            suppress_pending(session, row.id)
            changed(row)
            row.next_step_at = None if row.storm_id else until
            _note(session, row, "snoozed", answer, {"until": until.isoformat()})
        return row


def comment(engine: Engine, incident_id: UUID, answer: Answer) -> Incident:
    """Add a remark. The same by the same person once more, with nothing in between, changes nothing."""
    if not (answer.text or "").strip():
        raise PermanentError("a comment says something; this one is empty")
    with changing(engine) as session:
        row = locked(session, incident_id)
        last = session.scalars(
            select(HistoryRow)
            .where(HistoryRow.incident_id == incident_id)
            .order_by(HistoryRow.id.desc())
            .limit(1)
        ).first()
        if last is None or (last.kind, last.who, last.text) != ("commented", answer.who, answer.text):
            _note(session, row, "commented", answer)
        return row


def seen(engine: Engine, incident_id: UUID, answer: Answer) -> Incident:
    """Record that a signed-in user opened the incident's page, the first time alone."""
    with changing(engine) as session:
        row = locked(session, incident_id)
        query = select(HistoryRow.id).where(
            HistoryRow.incident_id == incident_id, HistoryRow.kind == "seen", HistoryRow.who == answer.who
        )
        if session.scalar(query.limit(1)) is None:
            _note(session, row, "seen", answer)
        return row


def end(session: Session, row: Incident, answer: Answer) -> None:
    """Resolve a locked incident within the caller's transaction."""
    if row.issue_type == STORM:
        _release_members(session, row, answer.at)
    row.resolved_at, row.resolved_by = answer.at, answer.who
    row.next_step_at = row.snoozed_until = None
    changed(row)
    suppress_pending(session, row.id)
    _note(session, row, "resolved", answer)
    tell_the_paged(session, row.id, "resolved", answer.at)
    if row.storm_id:
        _end_storm(session, row.storm_id, answer.at)


def _note(
    session: Session, row: Incident, kind: str, answer: Answer, facts: dict[str, Any] | None = None
) -> None:
    text, channel = answer.text, answer.channel
    note(session, row.id, kind, answer.at, answer.who, text=text, channel=channel, facts=facts)


def _refuse_resolved(row: Incident, what: str) -> None:
    if row.resolved_at:
        raise PermanentError(
            f"incident {row.id} was resolved by {row.resolved_by} at {row.resolved_at.isoformat()} "
            f"and cannot be {what}; reopen it"
        )


def _open_members(session: Session, storm_id: UUID) -> int:
    query = select(func.count()).where(Incident.storm_id == storm_id, Incident.resolved_at.is_(None))
    return session.scalar(query) or 0


def _release_members(session: Session, storm: Incident, now: datetime) -> None:
    limit = int(storm.facts["limit"])
    if (left := _open_members(session, storm.id)) > limit:
        raise PermanentError(
            f"{left} incidents of this storm are still open, and each would page by itself; "
            f"resolve them until at most {limit} are left"
        )
    session.execute(
        update(Incident)
        .where(Incident.storm_id == storm.id, Incident.resolved_at.is_(None))
        .values(storm_id=None, next_step_at=now, version=Incident.version + 1)
    )


def _end_storm(session: Session, storm_id: UUID, now: datetime) -> None:
    """Resolve a storm with its last member."""
    session.flush()
    if _open_members(session, storm_id) == 0:
        storm = session.get_one(Incident, storm_id, with_for_update=True)
        if storm.resolved_at is None:
            end(session, storm, Answer("upkeep", now, "all its incidents are resolved"))
