"""Builds the DAGs of a cadence from the catalog.

A task start parses its file again: `get_parsing_context` then says which DAG is wanted, and only that
system's plans are read, so that a task starts as fast with a thousand systems as with one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, Param, get_parsing_context
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert
from dateutil.relativedelta import relativedelta

from upkeep.callbacks.failure import task_failed
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.plans import FieldPlan, RoutinePlan
from upkeep.deadlines.run_due import RunDue
from upkeep.operators.checks import RunChecks
from upkeep.operators.errors import retry_policy
from upkeep.operators.opening import OpenRun
from upkeep.operators.report import WriteReport
from upkeep.operators.run import RoutineFacts
from upkeep.procedures.stages import stages

MISSED = "upkeep.callbacks.deadline.record_miss"
OPENING, REPORT = "open_run", "report"


def routines(cadence: str) -> Iterator[DAG]:
    """Yield the DAGs of every routine of the cadence, or the one DAG that a task start needs."""
    wanted = get_parsing_context().dag_id
    for plan in Catalog().plans(cadence=cadence, dag_id=wanted):
        yield build(plan)


def build(plan: RoutinePlan) -> DAG:
    """Return the DAG of one routine: open the run, one task per procedure, then the report."""
    dag = DAG(
        plan.dag_id,
        description=plan.title,
        doc_md=plan.doc_md,
        schedule=_timetable(plan),
        catchup=False,
        max_active_runs=1,
        tags=list(plan.tags),
        owner_links=dict(plan.owner_links),
        default_args=_default_args(plan),
        deadline=_deadline(plan) if plan.schedule else None,
    )
    routine = routine_facts(plan)
    opening = OpenRun(task_id=OPENING, routine=routine, dag=dag)
    # A teardown: it runs whatever the procedures say, and its success does not hide their failure.
    report = WriteReport(task_id=REPORT, routine=routine, dag=dag).as_teardown()
    ended: dict[str, BaseOperator] = {}
    for task in plan.tasks:
        before = [ended[name] for name in task.after] or [opening]
        if task.stages:
            ended[task.task_id], last = stages(dag, plan, task, routine, before)
            last >> report
            continue
        check = RunChecks(
            task_id=task.task_id,
            doc_md=task.doc_md,
            routine=routine,
            procedure_id=task.procedure_id,
            kind=task.kind,
            parameters=dict(task.parameters),
            fail_on=list(plan.fail_on),
            dag=dag,
        )
        for one in before:
            one >> check
        check >> report
        ended[task.task_id] = check
    # Last: every task would otherwise carry a deep copy of them, which is half the time of a parse.
    # A run merges the DAG's parameters into its tasks' context all the same.
    dag.params.update(_params(plan))
    return dag


def _timetable(plan: RoutinePlan) -> CronTriggerTimetable | None:
    if not plan.schedule:
        return None
    interval = relativedelta(minutes=plan.interval_minutes, months=plan.interval_months)
    return CronTriggerTimetable(plan.schedule, timezone=plan.timezone, interval=interval)


def routine_facts(plan: RoutinePlan) -> RoutineFacts:
    """Return what every task of a routine knows of it."""
    return {
        "system": plan.system,
        "routine": plan.routine,
        "schedule": plan.schedule,
        "timezone": plan.timezone,
        "procedures": [task.task_id for task in plan.tasks],
        "fields": sorted({field.parameter for task in plan.tasks for field in task.fields}),
    }


def _default_args(plan: RoutinePlan) -> dict[str, Any]:
    # The demo and the tests shorten the waits; nothing else should set this.
    delay = float(os.environ.get("UPKEEP_RETRY_DELAY_SECONDS") or plan.delay_seconds)
    return {
        "owner": plan.owner,
        "pool": plan.pool,
        "retries": plan.retries,
        "retry_delay": timedelta(seconds=delay),
        # Doubles each time; Airflow spreads it by a hash of the task instance, so that tasks which
        # failed together do not come back together.
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(seconds=max(delay, plan.longest_delay_seconds)),
        "retry_policy": retry_policy(),
        "execution_timeout": timedelta(seconds=plan.timeout_seconds),
        "on_failure_callback": task_failed,
    }


def _params(plan: RoutinePlan) -> dict[str, Param]:
    choices = [task.task_id for task in plan.tasks]
    own = {field.parameter: _param(field) for task in plan.tasks for field in task.fields}
    if all(task.stages for task in plan.tasks):
        return own | _switches()
    return own | _of_checks(choices) | _switches()


def _of_checks(choices: list[str]) -> dict[str, Param]:
    """Return the parameters of routines that look: which moment, which procedures."""
    return {
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="As of",
            description="The moment to speak of, by default the run's own. The present is then not read.",
        ),
        "procedures": Param(
            [],
            type="array",
            items={"type": "string", "enum": choices},
            examples=choices,
            title="Procedures",
            description="Which procedures to run; none chosen means all.",
        ),
    }


def _switches() -> dict[str, Param]:
    return {
        "dry_run": Param(
            "auto",
            type="string",
            enum=["auto", "yes", "no"],
            title="Dry run",
            description="Whether to only say what would change; auto is dry unless the run is scheduled.",
        ),
        "page": Param(
            False,
            type="boolean",
            title="Page",
            description="Whether a run by hand opens incidents and sends the digest.",
        ),
    }


def _param(field: FieldPlan) -> Param:
    schema: dict[str, Any] = {"type": [field.type, "null"] if field.default is None else field.type}
    if field.choices:
        schema["enum"] = [*field.choices, *([None] if field.default is None else [])]
    if field.format:
        schema["format"] = field.format
    return Param(field.default, title=field.title, description=field.description, **schema)


def _deadline(plan: RoutinePlan) -> DeadlineAlert:
    return DeadlineAlert(
        reference=RunDue(),
        interval=timedelta(seconds=plan.deadline_seconds),
        callback=AsyncCallback(
            MISSED,
            kwargs={
                "system": plan.system,
                "routine": plan.routine,
                "owner": plan.owner,
                "deadline_seconds": plan.deadline_seconds,
            },
        ),
    )
