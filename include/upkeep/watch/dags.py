"""Routines whose run should have begun, and those that Airflow does not know at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from upkeep.catalog.plans import RoutinePlan
from upkeep.clients.airflow_api import AirflowApi
from upkeep.incidents.model import Signal
from upkeep.incidents.outside import unknown_dag
from upkeep.incidents.signals import missing_run
from upkeep.incidents.subjects import dag_subject
from upkeep.ledger import watch
from upkeep.ledger.recovery import resolve_subjects

GRACE = timedelta(minutes=5)
"""How late the scheduler may make a run before it counts as missing."""

WATCH = "unknown DAGs"


def missing(
    api: AirflowApi, engine: Engine, plans: Iterable[RoutinePlan], systems: Collection[str], now: datetime
) -> list[Signal]:
    """Return the signals of runs that should have begun, and of DAGs that Airflow does not know.

    Airflow is asked for the few DAGs that are due, and for all of some systems, whose turn it is.
    """
    planned = {plan.dag_id: plan for plan in plans}
    tags = sorted({f"cadence:{plan.cadence}" for plan in planned.values() if plan.schedule})
    due = {dag["dag_id"]: dag for tag in tags for dag in api.next_dags(tag, now - GRACE)}
    listed = {dag["dag_id"]: dag for name in systems for dag in api.dags(f"system:{name}")}
    looked_at = {dag_id: plan for dag_id, plan in planned.items() if plan.system in systems}
    return [
        *overdue((due | listed).values(), planned, now),
        *_unknown(engine, listed.keys(), looked_at, now),
    ]


def overdue(
    dags: Iterable[Mapping[str, Any]], plans: Mapping[str, RoutinePlan], now: datetime
) -> Iterator[Signal]:
    """Yield the signals of the DAGs whose next run should have begun."""
    for dag in dags:
        plan = plans.get(dag["dag_id"])
        due = dag["next_dagrun_run_after"]
        if plan is None or not due:
            continue  # not ours, or its one run is still going: that one may be late
        due_at = datetime.fromisoformat(due)
        if due_at + GRACE < now:
            reason = "the DAG is paused" if dag["is_paused"] else "the scheduler has made no run"
            yield missing_run(
                plan.system, plan.dag_id, owner=plan.owner, due_at=due_at, reason=reason, now=now
            )


def _unknown(
    engine: Engine, known: Collection[str], plans: Mapping[str, RoutinePlan], now: datetime
) -> list[Signal]:
    """Return the signals of DAGs that are unknown in two rounds: Airflow may take a while for a new file."""
    unknown = [dag_id for dag_id in plans if dag_id not in known]
    with watch.follow(engine, WATCH, unknown, now, plans) as followed:
        found = [plans[dag_id] for dag_id in followed.over]
        for system in sorted({plan.system for plan in found}):
            subjects = [dag_subject(plan.dag_id) for plan in found if plan.system == system]
            resolve_subjects(engine, system, subjects, now)
    return [
        unknown_dag(plan.system, dag_id, owner=plan.owner, began_at=since, now=now)
        for dag_id, plan in plans.items()
        if (since := followed.since.get(dag_id, now)) < now
    ]
