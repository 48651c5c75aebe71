"""The ledger's tables of incidents: what happened, who was paged, who answered. Times are with time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from upkeep.ledger.tables import Base

OPEN = text("resolved_at IS NULL")
"""The condition of the indexes that hold open incidents alone: years of resolved ones cost nothing."""


class Incident(Base):
    """Something that people must handle, with its chain as it was when it opened."""

    __tablename__ = "incidents"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="derived from the event that opened it")
    system: Mapped[str]
    issue_type: Mapped[str]
    symptom: Mapped[str | None]
    severity: Mapped[str] = mapped_column(comment="P0 to P3; only ever raised")
    source: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    fold_key: Mapped[str]
    about: Mapped[list[str]] = mapped_column(comment="other keys under which signals fold into it")
    wrong: Mapped[list[str]] = mapped_column(comment="what must recover before it resolves by itself")
    chain: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    began_at: Mapped[datetime] = mapped_column(comment="since when it has been so")
    opened_at: Mapped[datetime]
    counted_from: Mapped[datetime] = mapped_column(comment="opened, or opened again: targets count from here")
    signals: Mapped[int] = mapped_column(server_default=text("1"))
    last_signal_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None] = mapped_column(comment="by whoever has it now")
    acknowledged_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    level: Mapped[int] = mapped_column(server_default=text("-1"), comment="the last one paged; -1 is none")
    round: Mapped[int] = mapped_column(server_default=text("0"), comment="how often the chain started over")
    series: Mapped[int] = mapped_column(
        server_default=text("0"),
        comment="how often paging began anew: reopened, handed over, raised, snoozed",
    )
    paged_at: Mapped[datetime | None] = mapped_column(
        comment="when `level` was paged: its wait counts from here"
    )
    heard: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="a page of this round was delivered"
    )
    undelivered: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="no channel took the page of `level`"
    )
    reminders: Mapped[int] = mapped_column(server_default=text("0"))
    reminded_at: Mapped[datetime | None]
    exhausted: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="the chain has come to its last end: open and loud"
    )
    snoozed_until: Mapped[datetime | None]
    quiet: Mapped[str | None] = mapped_column(comment="the maintenance window that it began in")
    quiet_until: Mapped[datetime | None]
    storm_id: Mapped[UUID | None] = mapped_column(ForeignKey("incidents.id"))
    next_step_at: Mapped[datetime | None]
    stepped_at: Mapped[datetime | None] = mapped_column(comment="when the last step was decided")
    claimed_until: Mapped[datetime | None] = mapped_column(comment="the lease of whoever decides its step")
    version: Mapped[int] = mapped_column(
        server_default=text("0"), comment="grows with what a step depends on: one decided before is dropped"
    )

    __table_args__ = (
        Index("incidents_open_key", "system", "fold_key", unique=True, postgresql_where=OPEN),
        Index(
            "incidents_due_idx",
            "next_step_at",
            postgresql_where=text("resolved_at IS NULL AND next_step_at IS NOT NULL"),
        ),
        Index("incidents_storm_id_idx", "storm_id", postgresql_where=OPEN),
        Index("incidents_system_opened_at_idx", "system", "opened_at"),
    )


class SignalRow(Base):
    """An event that was seen, and the incident that it belongs to."""

    __tablename__ = "signals"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    source: Mapped[str]
    occasion: Mapped[str | None] = mapped_column(comment="the attempt of a run that it tells of")
    at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        Index("signals_incident_id_idx", "incident_id"),
        Index("signals_event_id_prefix_idx", "event_id", postgresql_ops={"event_id": "text_pattern_ops"}),
        Index("signals_occasion_idx", "occasion", postgresql_where=text("occasion IS NOT NULL")),
    )


class PageRow(Base):
    """One page to one level: written as pending before it is sent, so that a restart sends it."""

    __tablename__ = "pages"

    id: Mapped[UUID] = mapped_column(
        primary_key=True, comment="derived from incident, series, round and level"
    )
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    series: Mapped[int]
    level: Mapped[int]
    round: Mapped[int]
    number: Mapped[int] = mapped_column(
        server_default=text("0"), comment="of reminders, which one; 0 for a page of the chain"
    )
    kind: Mapped[str] = mapped_column(comment="page, reminder, acknowledged or resolved")
    owner: Mapped[str] = mapped_column(comment="the owner or rotation that the chain names")
    person: Mapped[str] = mapped_column(comment="who was on call for it")
    contact: Mapped[dict[str, Any]]
    channels: Mapped[list[str]] = mapped_column(comment="in the order in which they are tried")
    channel: Mapped[str | None] = mapped_column(comment="the one that took it")
    target: Mapped[str | None]
    state: Mapped[str] = mapped_column(comment="pending, sent, dead or suppressed")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]

    __table_args__ = (
        Index("pages_incident_id_idx", "incident_id"),
        Index("pages_pending_idx", "created_at", postgresql_where=text("state = 'pending'")),
    )


class HistoryRow(Base):
    """One thing that happened to an incident."""

    __tablename__ = "incident_history"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    at: Mapped[datetime]
    kind: Mapped[str]
    who: Mapped[str | None]
    channel: Mapped[str | None]
    text: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (Index("incident_history_incident_id_at_idx", "incident_id", "at"),)


class Override(Base):
    """Somebody stands in for an owner or a rotation for a while."""

    __tablename__ = "overrides"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    system: Mapped[str]
    owner: Mapped[str] = mapped_column(comment="the owner or rotation that is stood in for")
    person: Mapped[str] = mapped_column(comment="the owner of the catalog who stands in")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    cancelled_at: Mapped[datetime | None]

    __table_args__ = (Index("overrides_system_ends_at_idx", "system", "ends_at"),)


class Digest(Base):
    """The message with a run's warnings, sent once."""

    __tablename__ = "digests"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[datetime | None]
    channel: Mapped[str | None]
    error: Mapped[str | None]


class Watch(Base):
    """When something that must go on went well the last time: the watchdog, the heartbeat."""

    __tablename__ = "watch"

    name: Mapped[str] = mapped_column(primary_key=True)
    good_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
