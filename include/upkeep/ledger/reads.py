"""Reading the ledger. Where there is nothing, the answer is empty; never a zero."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from upkeep.ledger.errors import told_apart
from upkeep.ledger.tables import DeadlineMiss, FindingRow, Measurement, ReportRow, Run, Skip

LONGEST_WARNING = 500
"""Findings that are looked through for the beginning of a warning: more than a year of daily ones."""


def run(engine: Engine, dag_id: str, run_id: str) -> Run | None:
    """Return a run, or None."""
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.get(Run, (dag_id, run_id))


def findings(engine: Engine, dag_id: str, run_id: str) -> Sequence[FindingRow]:
    """Return the findings of a run that are in force, by task and in the order of their checks."""
    query = (
        select(FindingRow)
        .where(FindingRow.dag_id == dag_id, FindingRow.run_id == run_id, FindingRow.superseded_at.is_(None))
        .order_by(FindingRow.task_id, FindingRow.map_index, FindingRow.position)
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def criticals(engine: Engine, since: datetime) -> list[tuple[FindingRow, datetime]]:
    """Return the critical findings in force of scheduled runs, recorded since a time, by run and task.

    Each with the moment that its run speaks of.
    """
    query = (
        select(FindingRow, Run.as_of)
        .join(Run, (Run.dag_id == FindingRow.dag_id) & (Run.run_id == FindingRow.run_id))
        .where(FindingRow.state == "critical", FindingRow.superseded_at.is_(None))
        .where(FindingRow.recorded_at >= since, Run.run_type == "scheduled")
        .order_by(FindingRow.dag_id, FindingRow.run_id, FindingRow.task_id, FindingRow.position)
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return [(row, as_of) for row, as_of in session.execute(query)]


def warning_since(engine: Engine, dag_id: str, check: str) -> datetime | None:
    """Return since when a check of a routine has been found a warning each time, None if it is not now."""
    seen = (
        select(FindingRow.state, FindingRow.observed_at)
        .where(FindingRow.dag_id == dag_id, FindingRow.check_id == check)
        .where(FindingRow.superseded_at.is_(None))
        .order_by(FindingRow.observed_at.desc())
        .limit(LONGEST_WARNING)
    )
    since = None
    with told_apart(), engine.connect() as connection:
        for state, observed_at in connection.execute(seen):
            if state != "warning":
                break
            since = observed_at
    return since


def skips(engine: Engine, dag_id: str, run_id: str) -> Sequence[Skip]:
    """Return what was left out of a run, by task."""
    query = select(Skip).where(Skip.dag_id == dag_id, Skip.run_id == run_id).order_by(Skip.task_id)
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def measurements(
    engine: Engine, system: str, metric: str, start: datetime, end: datetime
) -> Sequence[Measurement]:
    """Return a metric's values from `start` to `end`, both included, oldest first."""
    query = (
        select(Measurement)
        .where(
            Measurement.system == system,
            Measurement.metric == metric,
            Measurement.at >= start,
            Measurement.at <= end,
        )
        .order_by(Measurement.at)
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()


def histories(
    engine: Engine, system: str, metrics: Collection[str], start: datetime, end: datetime
) -> dict[str, list[tuple[datetime, float]]]:
    """Return the values of several metrics at once, oldest first; a metric without any is left out."""
    query = (
        select(Measurement.metric, Measurement.at, Measurement.value)
        .where(
            Measurement.system == system,
            Measurement.metric.in_(metrics),
            Measurement.at >= start,
            Measurement.at <= end,
        )
        .order_by(Measurement.metric, Measurement.at)
    )
    found: dict[str, list[tuple[datetime, float]]] = {}
    with told_apart(), engine.connect() as connection:
        for metric, at, value in connection.execute(query):
            found.setdefault(metric, []).append((at, value))
    return found


def report(engine: Engine, dag_id: str, run_id: str) -> ReportRow | None:
    """Return a run's report that is in force, or None."""
    query = select(ReportRow).where(
        ReportRow.dag_id == dag_id, ReportRow.run_id == run_id, ReportRow.superseded_at.is_(None)
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).one_or_none()


def deadline_misses(engine: Engine, dag_id: str) -> Sequence[DeadlineMiss]:
    """Return the missed deadlines of a DAG, latest first."""
    query = (
        select(DeadlineMiss).where(DeadlineMiss.dag_id == dag_id).order_by(DeadlineMiss.deadline_at.desc())
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).all()
