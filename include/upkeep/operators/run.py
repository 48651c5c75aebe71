"""What Airflow knows of the current run, in the domain's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from upkeep.runs import parameters
from upkeep.runs.moment import Moment, RunFacts, moment

if TYPE_CHECKING:
    from airflow.sdk import Context


class RoutineFacts(TypedDict):
    """What every task of a routine knows of it; plain values, for they are serialised with the DAG."""

    system: str
    routine: str
    schedule: str
    timezone: str
    procedures: list[str]


def run_parameters(context: Context, routine: RoutineFacts) -> parameters.RunParameters:
    """Return the run's validated parameters. Raises ConfigurationError saying what would be right."""
    return parameters.read(context["params"], routine["procedures"])


def run_moment(context: Context, routine: RoutineFacts, wanted: parameters.RunParameters) -> Moment:
    """Return the moment that the run speaks of, given its parameters."""
    run = context["dag_run"]
    facts = RunFacts(
        run_type=run.run_type.value,
        run_after=run.run_after,
        interval_end=run.data_interval_end,
        as_of=wanted.as_of,
    )
    return moment(facts, routine["schedule"], routine["timezone"], datetime.now(UTC))
