"""The ledger's tables. All times are with time zone; numbers are in the base units of `findings.units`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own protocol
        datetime: DateTime(timezone=True),
        str: Text,
        float: Float,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


class Run(Base):
    """One run of one routine."""

    __tablename__ = "runs"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    system: Mapped[str]
    routine: Mapped[str]
    run_type: Mapped[str] = mapped_column(comment="scheduled, manual or backfill")
    as_of: Mapped[datetime] = mapped_column(comment="the moment that the run speaks of")
    since: Mapped[datetime] = mapped_column(comment="where the time under review begins")
    dry_run: Mapped[bool]
    procedures: Mapped[list[str]] = mapped_column(comment="what the run was asked for; empty is all")
    started_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (Index("runs_system_routine_as_of_idx", "system", "routine", "as_of"),)


class FindingRow(Base):
    """One finding of one attempt of one task; superseded ones stay as evidence."""

    __tablename__ = "findings"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dag_id: Mapped[str]
    run_id: Mapped[str]
    task_id: Mapped[str]
    map_index: Mapped[int]
    attempt: Mapped[int] = mapped_column(comment="Airflow's try number")
    system: Mapped[str]
    procedure_id: Mapped[str]
    check_id: Mapped[str]
    position: Mapped[int] = mapped_column(comment="order within the task")
    state: Mapped[str] = mapped_column(comment="ok, warning, critical or unknown")
    summary: Mapped[str]
    value: Mapped[float | None] = mapped_column(comment="in the base unit `unit`")
    unit: Mapped[str | None]
    limit_text: Mapped[str | None]
    limit_value: Mapped[float | None] = mapped_column(comment="in the base unit `unit`")
    source: Mapped[str]
    observed_at: Mapped[datetime] = mapped_column(comment="the moment that the value speaks of")
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    reason: Mapped[str | None] = mapped_column(comment="why it is unknown")
    evidence: Mapped[dict[str, Any]]
    runbook: Mapped[str | None]
    superseded_at: Mapped[datetime | None] = mapped_column(comment="when a later attempt replaced it")

    __table_args__ = (
        Index(
            "findings_current_key",
            "dag_id",
            "run_id",
            "task_id",
            "map_index",
            "check_id",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index("findings_dag_id_run_id_task_id_idx", "dag_id", "run_id", "task_id"),
        Index("findings_system_observed_at_idx", "system", "observed_at"),
        ForeignKeyConstraint(["dag_id", "run_id"], ["runs.dag_id", "runs.run_id"]),
    )


class Skip(Base):
    """Why a task, or a part of it, was left out of a run."""

    __tablename__ = "skips"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(primary_key=True)
    map_index: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(comment="Airflow's try number")
    procedure_id: Mapped[str]
    reason: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (ForeignKeyConstraint(["dag_id", "run_id"], ["runs.dag_id", "runs.run_id"]),)


class Measurement(Base):
    """One number at one time; partitioned by month, so that a month is dropped and not deleted."""

    __tablename__ = "measurements"

    system: Mapped[str] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True, comment="the check's name, with labels")
    at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float] = mapped_column(comment="in the base unit `unit`")
    unit: Mapped[str | None]
    dag_id: Mapped[str]
    run_id: Mapped[str]

    __table_args__ = ({"postgresql_partition_by": "RANGE (at)"},)


class DeadlineMiss(Base):
    """A run that had not succeeded when its deadline passed."""

    __tablename__ = "deadline_misses"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dag_id: Mapped[str]
    run_id: Mapped[str]
    system: Mapped[str]
    routine: Mapped[str]
    owner: Mapped[str]
    deadline_at: Mapped[datetime]
    allowed_seconds: Mapped[float] = mapped_column(comment="from the run's due time")
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (UniqueConstraint("dag_id", "run_id", "deadline_at"),)


class ReportRow(Base):
    """A run's report; a repeated one supersedes the earlier."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dag_id: Mapped[str]
    run_id: Mapped[str]
    markdown: Mapped[str]
    html: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    superseded_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "reports_current_key",
            "dag_id",
            "run_id",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )
