"""Reading incidents, their pages and their history. Where there is nothing, the answer is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine, Select, Text, case, cast, func, select
from sqlalchemy.orm import Session

from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow, SignalRow


@dataclass(frozen=True)
class Which:
    """Which incidents to list. state: exhausted is open with its chain at the end.

    since, until: opened in this time. limit: at most so many.
    """

    system: str | None = None
    state: Literal["open", "unacknowledged", "exhausted", "resolved", "any"] = "open"
    severity: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


def incident(engine: Engine, incident_id: UUID) -> Incident | None:
    """Return an incident, or None."""
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.get(Incident, incident_id)


def with_prefix(engine: Engine, prefix: str, limit: int) -> Sequence[Incident]:
    """Return at most `limit` incidents whose id begins so, latest first; `prefix` is hexadecimal."""
    query = select(Incident).where(cast(Incident.id, Text).startswith(prefix.lower(), autoescape=True))
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query.order_by(Incident.opened_at.desc()).limit(limit)).all()


def incidents(engine: Engine, which: Which) -> Sequence[Incident]:
    """Return incidents: open ones first by severity, then the latest opened first."""
    query = _filtered(which).order_by(
        case((Incident.resolved_at.is_(None), Incident.severity), else_="~"), Incident.opened_at.desc()
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query.limit(which.limit)).all()


def open_count(engine: Engine, system: str | None = None) -> int:
    """Return how many incidents are open, of one system or all."""
    query = select(func.count()).select_from(Incident).where(Incident.resolved_at.is_(None))
    if system:
        query = query.where(Incident.system == system)
    with told_apart(), engine.connect() as connection:
        return connection.scalar(query) or 0


def history(engine: Engine, incident_id: UUID) -> Sequence[HistoryRow]:
    """Return what happened to an incident, in order."""
    query = select(HistoryRow).where(HistoryRow.incident_id == incident_id).order_by(HistoryRow.id)
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def pages(engine: Engine, incident_id: UUID) -> Sequence[PageRow]:
    """Return an incident's pages, in the order in which they were decided."""
    query = select(PageRow).where(PageRow.incident_id == incident_id)
    query = query.order_by(PageRow.created_at, PageRow.series, PageRow.round, PageRow.level)
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def signals(engine: Engine, incident_id: UUID) -> Sequence[SignalRow]:
    """Return the events that belong to an incident, in the order in which they were seen."""
    query = select(SignalRow).where(SignalRow.incident_id == incident_id)
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query.order_by(SignalRow.recorded_at, SignalRow.event_id)).all()


def members(engine: Engine, storm_id: UUID) -> Sequence[Incident]:
    """Return the incidents that belong to a storm, open ones first."""
    query = select(Incident).where(Incident.storm_id == storm_id)
    query = query.order_by(Incident.resolved_at.desc().nulls_first(), Incident.opened_at)
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def unsent(engine: Engine, before: datetime) -> Sequence[PageRow]:
    """Return pages written before a time and still not sent, oldest first."""
    query = select(PageRow).where(PageRow.state == "pending", PageRow.created_at < before)
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query.order_by(PageRow.created_at)).all()


def _filtered(which: Which) -> Select[Incident]:
    query = select(Incident)
    if which.state == "resolved":
        query = query.where(Incident.resolved_at.is_not(None))
    elif which.state != "any":
        query = query.where(Incident.resolved_at.is_(None))
    if which.state == "unacknowledged":
        query = query.where(Incident.acknowledged_at.is_(None))
    if which.state == "exhausted":
        query = query.where(Incident.exhausted)
    if which.system:
        query = query.where(Incident.system == which.system)
    if which.severity:
        query = query.where(Incident.severity == which.severity)
    if which.since:
        query = query.where(Incident.opened_at >= which.since)
    if which.until:
        query = query.where(Incident.opened_at < which.until)
    return query
