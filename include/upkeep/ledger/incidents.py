"""Opening incidents and folding signals into them, once each, however often and wherever they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.orm import Session

from upkeep.incidents import chains
from upkeep.incidents.chains import MAJOR, more_severe
from upkeep.incidents.model import ChainCopy, Signal
from upkeep.incidents.steps import page_again
from upkeep.incidents.windows import Cover
from upkeep.ledger.evidence import printable, storable
from upkeep.ledger.incident_rows import (
    STORM,
    chain_with_targets,
    changing,
    lock_system,
    note,
    put_state,
    state_of,
    suppress_pending,
)
from upkeep.ledger.incident_tables import Incident, SignalRow


@dataclass(frozen=True)
class Storm:
    """When many incidents at once become one: more than `limit` of them, which pages by `chain`."""

    limit: int
    chain: ChainCopy


@dataclass(frozen=True)
class Opened:
    """What became of a signal.

    outcome: opened a new incident; folded into an open one; seen before; or settled, for it tells of an
    attempt of a run whose incident has been resolved. storm_id: the storm that the incident belongs to.
    """

    incident_id: UUID
    outcome: Literal["opened", "folded", "seen", "settled"]
    storm_id: UUID | None = None


def open_or_fold(  # noqa: PLR0913 - the signal, and what the catalog says of it
    engine: Engine,
    signal: Signal,
    chain: ChainCopy,
    *,
    now: datetime,
    storm: Storm | None = None,
    quiet: Cover | None = None,
) -> Opened:
    """Record a signal: nothing if its event was seen, else fold it into an open incident, else open one.

    - It folds into an open incident of its system with its fold key, or one that shares a key with it.
      Repeats are counted and page nobody; one that is more severe raises the severity and the targets, ends
      an acknowledgement and a snooze, and pages the current level again: people answered something lesser.
    - A new incident takes its first step now; if a maintenance window covers it (`quiet`), when that is
      over, unless it is a P0.
    - More than `storm.limit` open incidents of the system, P0 left aside, open a storm, and all that follow
      while it is open belong to it and page nobody. Those before go on by themselves. A P0 stands alone.

    In one transaction, one at a time for a system. Raises TemporaryError where the ledger does not answer.
    """
    # A far side's garbage, such as an alert's annotations, must not lose the incident.
    signal = replace(signal, title=printable(signal.title), summary=printable(signal.summary))
    with changing(engine) as session:
        lock_system(session, signal.system)
        if known := session.get(SignalRow, signal.event_id):
            return Opened(known.incident_id, "seen")
        if (row := _open_with(session, signal)) is not None:
            _record(session, signal, row.id, now)
            _fold(session, row, signal, chain, now)
            return Opened(row.id, "folded", row.storm_id)
        if (settled := _settled(session, signal)) is not None:
            _record(session, signal, settled, now)
            return Opened(settled, "settled")
        joined = (
            _join_storm(session, signal, storm, quiet, now) if storm and signal.severity != MAJOR else None
        )
        row = _open(session, signal, chain, now, quiet=quiet, storm=joined)
        return Opened(row.id, "opened", row.storm_id)


def _open_with(session: Session, signal: Signal) -> Incident | None:
    """Return the open incident that takes the signal, locked."""
    keys = [signal.fold_key, *signal.about]
    query = (
        select(Incident)
        .where(Incident.system == signal.system, Incident.resolved_at.is_(None))
        .where(or_(Incident.fold_key.in_(keys), Incident.about.op("&&")(keys)))
        .order_by((Incident.fold_key == signal.fold_key).desc(), Incident.opened_at)
        .limit(1)
        .with_for_update()
    )
    return session.scalars(query).first()


def _settled(session: Session, signal: Signal) -> UUID | None:
    if signal.occasion is None or signal.source not in ("deadline", "failure"):
        return None
    query = select(SignalRow.incident_id).where(SignalRow.occasion == signal.occasion).limit(1)
    return session.scalar(query)


def _record(session: Session, signal: Signal, incident_id: UUID, now: datetime) -> None:
    session.add(
        SignalRow(
            event_id=signal.event_id,
            incident_id=incident_id,
            source=signal.source,
            occasion=signal.occasion,
            at=signal.at,
            facts=storable(signal.facts),
            recorded_at=now,
        )
    )


def _fold(session: Session, row: Incident, signal: Signal, chain: ChainCopy, now: datetime) -> None:
    row.signals += 1
    row.last_signal_at = max(row.last_signal_at, signal.at)
    row.began_at = min(row.began_at, signal.began_at)
    row.about = _union(row.about, [signal.fold_key, *signal.about])
    row.wrong = _union(row.wrong, signal.wrong)
    raised = more_severe(signal.severity, row.severity)
    if raised:
        row.title, row.summary, row.facts = signal.title, signal.summary, storable(signal.facts)
        _raise(session, row, signal.severity, chain, now)
        if row.storm_id:
            _raise_storm(session, row.storm_id, signal.severity, chain, now)
    text = f"{signal.title} ({signal.severity})" if raised else signal.title
    note(session, row.id, "folded", now, text=text, facts={"event": signal.event_id, "raised": raised})


def _raise(session: Session, row: Incident, severity: str, chain: ChainCopy, now: datetime) -> None:
    """Make an incident more severe: whoever is in charge hears of it again, and a P0 leaves its silence."""
    row.severity = severity
    row.chain = chain_with_targets(row, chain)
    row.snoozed_until = None
    if severity == MAJOR:
        row.storm_id = row.quiet = None
    suppress_pending(session, row.id)
    put_state(row, page_again(state_of(row)), now)


def _raise_storm(session: Session, storm_id: UUID, severity: str, chain: ChainCopy, now: datetime) -> None:
    storm = session.get_one(Incident, storm_id, with_for_update=True)
    if more_severe(severity, storm.severity):
        _raise(session, storm, severity, chain, now)


def _join_storm(
    session: Session, signal: Signal, storm: Storm, quiet: Cover | None, now: datetime
) -> UUID | None:
    """Return the storm that a new incident belongs to, opening it where this one is too many."""
    key = f"{signal.system}/{STORM}"
    row = session.scalars(
        select(Incident)
        .where(Incident.system == signal.system, Incident.fold_key == key, Incident.resolved_at.is_(None))
        .with_for_update()
    ).first()
    if row is None:
        alone = select(func.count()).where(
            Incident.system == signal.system,
            Incident.resolved_at.is_(None),
            Incident.severity != MAJOR,
            Incident.issue_type != STORM,
        )
        if (session.scalar(alone) or 0) < storm.limit:
            return None
        return _open(session, storm_signal(signal, storm.limit), storm.chain, now, quiet=quiet).id
    row.signals += 1
    row.last_signal_at = max(row.last_signal_at, signal.at)
    if more_severe(signal.severity, row.severity):
        _raise(session, row, signal.severity, storm.chain, now)
    return row.id


def storm_signal(cause: Signal, limit: int) -> Signal:
    """Return the signal that opens a storm, caused by the signal of one incident too many."""
    return Signal(
        event_id=f"{STORM}/{cause.event_id}",
        fold_key=f"{cause.system}/{STORM}",
        system=cause.system,
        source="watchdog",
        issue_type=STORM,
        severity=cause.severity,
        title=f"Many incidents at once in {cause.system}",
        summary=f"More than {limit} incidents are open at once; those that follow page nobody by themselves.",
        began_at=cause.began_at,
        at=cause.at,
        facts={"limit": limit},
    )


def _open(  # noqa: PLR0913 - what a new row is made of
    session: Session,
    signal: Signal,
    chain: ChainCopy,
    now: datetime,
    *,
    quiet: Cover | None = None,
    storm: UUID | None = None,
) -> Incident:
    cover = quiet if signal.severity != MAJOR else None
    row = Incident(
        id=signal.incident_id,
        system=signal.system,
        issue_type=signal.issue_type,
        symptom=signal.symptom,
        severity=signal.severity,
        source=signal.source,
        title=signal.title,
        summary=signal.summary,
        fold_key=signal.fold_key,
        about=_union([], signal.about),
        wrong=_union([], signal.wrong),
        chain=chains.to_json(chain),
        facts=storable(signal.facts),
        began_at=signal.began_at,
        opened_at=now,
        counted_from=now,
        last_signal_at=signal.at,
        quiet=cover.title if cover else None,
        quiet_until=cover.until if cover else None,
        storm_id=storm,
        next_step_at=None if storm else cover.until if cover else now,
    )
    session.add(row)
    session.flush()
    _record(session, signal, row.id, now)
    note(session, row.id, "opened", now, text=signal.title, facts={"event": signal.event_id})
    if cover:
        note(
            session,
            row.id,
            "suppressed",
            now,
            text=f"covered by {cover.title} until {cover.until:%F %H:%M} UTC",
        )
    if storm:
        note(session, row.id, STORM, now, facts={"storm": str(storm)})
    return row


def _union(kept: Sequence[str], added: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*kept, *added]))
