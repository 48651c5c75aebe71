"""What the ledger knows of many routines at once: a few queries, however many routines there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Engine,
    Select,
    Text,
    column,
    exists,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session, aliased

from upkeep.ledger.errors import told_apart
from upkeep.ledger.tables import DeadlineMiss, FindingRow, ReportRow, Run, Skip

RunKey = tuple[str, str]
"""A run's DAG id and run id."""


@dataclass(frozen=True)
class Wanted:
    """One routine to look up. acts: it changes its system, so that a dry run is not the work done."""

    dag_id: str
    system: str
    routine: str
    acts: bool


@dataclass(frozen=True)
class StateCount:
    """How many findings in force of one task have one state."""

    task_id: str
    state: str
    count: int


@dataclass(frozen=True)
class Overview:
    """The state of many routines, at one moment of the ledger.

    newest: by DAG id, the run that speaks of the latest moment. complete: the same among the runs that
    were asked for every procedure, ended with a report, and were not dry where the routine acts.
    reported: the runs among these that have a report. skipped: the ids of their tasks left out.
    misses: latest first.
    """

    newest: Mapping[str, Run]
    complete: Mapping[str, Run]
    reported: Collection[RunKey]
    counts: Mapping[RunKey, Sequence[StateCount]]
    skipped: Mapping[RunKey, Collection[str]]
    misses: Sequence[DeadlineMiss]


def overview(engine: Engine, routines: Sequence[Wanted], missed_since: datetime) -> Overview:
    """Return what the ledger knows of these routines, with the deadlines missed since a moment."""
    if not routines:
        return Overview({}, {}, set(), {}, {}, ())
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with told_apart(), Session(snapshot, expire_on_commit=False) as session:
        newest = {run.dag_id: run for run in session.scalars(_newest(routines, complete=False))}
        complete = {run.dag_id: run for run in session.scalars(_newest(routines, complete=True))}
        keys = {(run.dag_id, run.run_id) for run in (*newest.values(), *complete.values())}
        return Overview(
            newest=newest,
            complete=complete,
            reported=_reported(session, keys),
            counts=_state_counts(session, keys),
            skipped=_skipped(session, keys),
            misses=_misses(session, routines, missed_since),
        )


def _newest(routines: Sequence[Wanted], *, complete: bool) -> Select[Run]:
    """Return the query for each routine's newest run: one look into an index per routine, no sorting."""
    wanted = (
        func.unnest(
            array([routine.dag_id for routine in routines], type_=Text),
            array([routine.system for routine in routines], type_=Text),
            array([routine.routine for routine in routines], type_=Text),
            array([routine.acts for routine in routines], type_=Boolean),
        )
        .table_valued(
            column("dag_id", Text), column("system", Text), column("routine", Text), column("acts", Boolean)
        )
        .render_derived(name="wanted")
    )
    one = (
        select(Run)
        .where(
            Run.system == wanted.c.system,
            Run.routine == wanted.c.routine,
            *(_complete(wanted.c.acts) if complete else ()),
        )
        .order_by(Run.as_of.desc(), Run.started_at.desc())
        .limit(1)
        .lateral("one")
    )
    run = aliased(Run, one)
    return select(run).select_from(wanted).join(one, one.c.dag_id == wanted.c.dag_id)


def _complete(acts: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    has_report = exists().where(
        ReportRow.dag_id == Run.dag_id, ReportRow.run_id == Run.run_id, ReportRow.superseded_at.is_(None)
    )
    # Not cardinality(): the planner knows how common an empty list is, and so stops at the first run.
    asked_for_all = Run.procedures == array([], type_=Text)
    return (asked_for_all, ~(acts & Run.dry_run), has_report)


def _reported(session: Session, keys: Collection[RunKey]) -> set[RunKey]:
    query = select(ReportRow.dag_id, ReportRow.run_id).where(
        tuple_(ReportRow.dag_id, ReportRow.run_id).in_(keys), ReportRow.superseded_at.is_(None)
    )
    return {(dag_id, run_id) for dag_id, run_id in session.execute(query)}


def _state_counts(session: Session, keys: Collection[RunKey]) -> dict[RunKey, list[StateCount]]:
    of = (FindingRow.dag_id, FindingRow.run_id, FindingRow.task_id, FindingRow.state)
    query = (
        select(*of, func.count())
        .where(tuple_(FindingRow.dag_id, FindingRow.run_id).in_(keys), FindingRow.superseded_at.is_(None))
        .group_by(*of)
        .order_by(*of)
    )
    counts: dict[RunKey, list[StateCount]] = {}
    for dag_id, run_id, task_id, state, count in session.execute(query):
        counts.setdefault((dag_id, run_id), []).append(StateCount(task_id, state, count))
    return counts


def _skipped(session: Session, keys: Collection[RunKey]) -> dict[RunKey, set[str]]:
    query = select(Skip.dag_id, Skip.run_id, Skip.task_id).where(tuple_(Skip.dag_id, Skip.run_id).in_(keys))
    skipped: dict[RunKey, set[str]] = {}
    for dag_id, run_id, task_id in session.execute(query):
        skipped.setdefault((dag_id, run_id), set()).add(task_id)
    return skipped


def _misses(session: Session, routines: Sequence[Wanted], since: datetime) -> Sequence[DeadlineMiss]:
    query = (
        select(DeadlineMiss)
        .where(DeadlineMiss.dag_id.in_([routine.dag_id for routine in routines]))
        .where(DeadlineMiss.deadline_at >= since)
        .order_by(DeadlineMiss.deadline_at.desc(), DeadlineMiss.run_id)
    )
    return session.scalars(query).all()
