"""Runs that failed or are late, from Airflow's own records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from upkeep.catalog.plans import RoutinePlan
from upkeep.clients.airflow_api import AirflowApi
from upkeep.errors import ConfigurationError
from upkeep.incidents.model import Signal
from upkeep.incidents.signals import RunOf, failed_run, missed_deadline
from upkeep.runs import parameters
from upkeep.runs.moment import RunFacts, why_past


def troubles(
    api: AirflowApi,
    plans: Iterable[RoutinePlan],
    going: Sequence[Mapping[str, Any]],
    since: datetime,
    now: datetime,
) -> list[Signal]:
    """Return the signals of runs. The same event has the id that a callback gave it.

    going: the runs that are queued or running. since: the end of failed runs that are looked at.
    """
    by_dag = {plan.dag_id: plan for plan in plans}
    ended = api.runs(state=["failed"], end_date_gte=since)
    signals = [*_failed(ended, by_dag, now), *_late(api, [*ended, *going], by_dag, now)]
    return [signal for signal in signals if signal is not None]


def pages(run: Mapping[str, Any], plan: RoutinePlan) -> bool:
    """Return whether a run of Airflow's records opens incidents.

    A scheduled one does, and one by hand that was asked to, unless it spoke of the past when it was queued:
    one that goes on into the next one's time does, one that is cleared after the next one was due does not.
    """
    try:
        wanted = parameters.read(run["conf"] or {}, [task.task_id for task in plan.tasks])
    except ConfigurationError:
        return False  # one by hand that makes no sense: whoever started it sees it fail
    end = run["data_interval_end"]
    facts = RunFacts(
        run_type=run["run_type"],
        run_after=_time(run, "run_after"),
        interval_end=datetime.fromisoformat(end) if end else None,
        as_of=wanted.as_of,
    )
    past = why_past(facts, plan.schedule, plan.timezone, _queued(run))
    return wanted.pages(run["run_type"]) and past is None


def named(run: Mapping[str, Any], plan: RoutinePlan) -> RunOf:
    """Return a run of Airflow's records as signals name it."""
    return RunOf(plan.system, run["dag_id"], run["dag_run_id"], run["run_type"], plan.owner)


def _failed(
    runs: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan], now: datetime
) -> Iterator[Signal | None]:
    for run, plan in _of_routines(runs, plans):
        if pages(run, plan):
            yield failed_run(named(run, plan), _time(run, "end_date"), now)


def _late(
    api: AirflowApi, runs: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan], now: datetime
) -> Iterator[Signal | None]:
    for run, plan in _of_routines(runs, plans):
        allowed = timedelta(seconds=plan.deadline_seconds)
        until = min(now, _time(run, "end_date")) if run["end_date"] else now
        due = _time(run, "run_after")
        # Asked of the few that may be late alone.
        if not plan.schedule or due + allowed > until or not pages(run, plan):
            continue
        if not api.ran_on_schedule(run["dag_id"], before=due):
            due = _queued(run)  # as `upkeep.deadlines.run_due` counts until a DAG has had a scheduled run
        if due + allowed <= until:
            yield missed_deadline(named(run, plan), due + allowed, allowed, now)


def _of_routines(
    runs: Sequence[Mapping[str, Any]], plans: Mapping[str, RoutinePlan]
) -> Iterator[tuple[Mapping[str, Any], RoutinePlan]]:
    for run in runs:
        if (plan := plans.get(run["dag_id"])) is not None:
            yield run, plan


def _queued(run: Mapping[str, Any]) -> datetime:
    return _time(run, "queued_at") if run["queued_at"] else _time(run, "run_after")


def _time(run: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(run[name])
