"""What Airflow knows of the current run, in the domain's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from upkeep.runs import parameters
from upkeep.runs.moment import Moment, RunFacts, moment, why_past

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.incidents.signals import RunOf


class RoutineFacts(TypedDict):
    """What every task of a routine knows of it; plain values, for they are serialised with the DAG."""

    system: str
    routine: str
    schedule: str
    timezone: str
    procedures: list[str]
    fields: list[str]


def run_parameters(context: Context, routine: RoutineFacts) -> parameters.RunParameters:
    """Return the run's validated parameters. Raises ConfigurationError saying what would be right."""
    return parameters.read(context["params"], routine["procedures"])


def run_of(
    context: Context, routine: RoutineFacts, wanted: parameters.RunParameters, at: datetime | None = None
) -> RunOf | None:
    """Return the run as signals name it, None where it may open no incident and resolve none.

    Those are a backfill, one by hand, and one that speaks of the past at a time: by default now.
    """
    from upkeep.incidents.signals import RunOf

    run, task = context["dag_run"], context["ti"].task
    past = why_past(
        _facts(context, wanted), routine["schedule"], routine["timezone"], at or datetime.now(UTC)
    )
    if past or not wanted.pages(run.run_type.value):
        return None
    return RunOf(
        system=routine["system"],
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type.value,
        owner=task.owner,
        attempt=run.clear_number or 0,
    )


def run_moment(context: Context, routine: RoutineFacts, wanted: parameters.RunParameters) -> Moment:
    """Return the moment that the run speaks of, given its parameters."""
    facts = _facts(context, wanted)
    return moment(facts, routine["schedule"], routine["timezone"], datetime.now(UTC))


def _facts(context: Context, wanted: parameters.RunParameters) -> RunFacts:
    run = context["dag_run"]
    return RunFacts(
        run_type=run.run_type.value,
        run_after=run.run_after,
        interval_end=run.data_interval_end,
        as_of=wanted.as_of,
    )
