"""Runs that failed, are late, or never started, from Airflow's own records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from upkeep.catalog.plans import RoutinePlan
from upkeep.clients.airflow_api import AirflowApi
from upkeep.incidents.model import Signal
from upkeep.incidents.signals import RunOf, failed_run, missed_deadline, missing_run

GRACE = timedelta(minutes=5)
"""How late the scheduler may make a run before it counts as missing."""


def troubles(api: AirflowApi, plans: Iterable[RoutinePlan], since: datetime, now: datetime) -> list[Signal]:
    """Return the signals of runs since a time. The same event has the id that a callback gave it.

    since: the end of failed runs that are looked at; runs that are still going are all looked at.
    """
    by_dag = {plan.dag_id: plan for plan in plans}
    ended = api.runs(state=["failed"], end_date_gte=since)
    going = api.runs(state=["running", "queued"], run_after_lte=now)
    signals = [
        *_failed(ended, by_dag, now),
        *_late([*ended, *going], by_dag, now),
        *_missing(api.dags(), by_dag, now),
    ]
    return [signal for signal in signals if signal is not None]


def _failed(
    runs: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan], now: datetime
) -> Iterator[Signal | None]:
    for run, plan in _of_routines(runs, plans):
        if pages(run):
            yield failed_run(_named(run, plan), datetime.fromisoformat(run["end_date"]), now)


def _late(
    runs: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan], now: datetime
) -> Iterator[Signal | None]:
    for run, plan in _of_routines(runs, plans):
        allowed = timedelta(seconds=plan.deadline_seconds)
        deadline = datetime.fromisoformat(run["run_after"]) + allowed
        ended = datetime.fromisoformat(run["end_date"]) if run["end_date"] else now
        if pages(run) and deadline <= min(now, ended):
            yield missed_deadline(_named(run, plan), deadline, allowed, now)


def _missing(
    dags: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan], now: datetime
) -> Iterator[Signal]:
    known = {dag["dag_id"]: dag for dag in dags}
    for dag_id, plan in plans.items():
        dag = known.get(dag_id)
        due = dag and dag["next_dagrun_run_after"]
        if dag is None or not due:
            continue  # not parsed yet, or its one run is still going: that one may be late
        due_at = datetime.fromisoformat(due)
        if due_at + GRACE < now:
            yield missing_run(
                plan.system, dag_id, owner=plan.owner, due_at=due_at, reason=_reason(dag), now=now
            )


def _reason(dag: Mapping[str, Any]) -> str:
    if dag["is_paused"]:
        return "the DAG is paused"
    if dag["is_stale"]:
        return "the DAG is stale: its file is gone or has not been parsed"
    return "the scheduler has made no run"


def _of_routines(
    runs: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan]
) -> Iterator[tuple[Mapping[str, Any], RoutinePlan]]:
    for run in runs:
        if (plan := plans.get(run["dag_id"])) is not None:
            yield run, plan


def pages(run: Mapping[str, Any]) -> bool:
    """Return whether a run of Airflow's records opens incidents: a scheduled one, one that was asked to."""
    return run["run_type"] == "scheduled" or (
        run["run_type"] == "manual" and bool((run["conf"] or {}).get("page"))
    )


def _named(run: Mapping[str, Any], plan: RoutinePlan) -> RunOf:
    return RunOf(plan.system, run["dag_id"], run["dag_run_id"], run["run_type"], plan.owner)
