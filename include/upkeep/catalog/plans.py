"""Plans: all that a routine's DAG is built from, as plain values that JSON can hold.

Reading plans must stay cheap, so nothing heavy is imported here until plans are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from upkeep.acts.model import FormField, Stage
    from upkeep.catalog.models import ProcedureUse, Routine, System
    from upkeep.catalog.models.people import Owner
    from upkeep.catalog.pages import RoutinePage


@dataclass(frozen=True)
class StagePlan:
    """One stage of a procedure that acts: one task of its group."""

    name: str
    title: str
    does: str
    poll_seconds: float
    longest_seconds: float
    by: str = "worker"
    """What does it: one of upkeep.acts.model.By."""


@dataclass(frozen=True)
class FieldPlan:
    """One field of the form of a run by hand. parameter: the run's parameter that holds it."""

    name: str
    parameter: str
    title: str
    description: str
    type: str
    default: str | int | bool | None
    choices: list[str]
    format: str | None


@dataclass(frozen=True)
class TaskPlan:
    """One procedure of a routine: a task, or, if it acts, a group with a task for each stage.

    reads: history, present, both or acts, which decides what a backfill may do.
    serves: the duties that the task does; procedure_id is the first of them.
    """

    task_id: str
    kind: str
    reads: str
    parameters: dict[str, Any]
    serves: list[str]
    doc_md: str
    procedure_id: str
    after: list[str] = field(default_factory=list)
    stages: list[StagePlan] = field(default_factory=list)
    fields: list[FieldPlan] = field(default_factory=list)


@dataclass(frozen=True)
class RoutinePlan:
    """One routine, which becomes one DAG.

    deadline_seconds: counted from the run's due time. timeout_seconds: of one task. delay_seconds and
    longest_delay_seconds: the first and the longest wait between tries. interval_minutes and
    interval_months: the length of the data interval, one of the two. schedule: empty where it runs only by
    hand; it has no deadline then.
    """

    dag_id: str
    system: str
    routine: str
    title: str
    cadence: str
    schedule: str
    timezone: str
    interval_minutes: int
    interval_months: int
    owner: str
    owner_links: dict[str, str]
    tags: list[str]
    doc_md: str
    deadline_seconds: float
    timeout_seconds: float
    retries: int
    delay_seconds: float
    longest_delay_seconds: float
    fail_on: list[str]
    pool: str
    tasks: list[TaskPlan]


_MOST_RUNS_A_WEEK = 400
"""As many as are looked at: a schedule that is due more often has shown its gap by then."""

_DAY = 24 * 60
_INTERVALS = {"daily": (_DAY, 0), "weekly": (7 * _DAY, 0), "monthly": (0, 1), "quarterly": (0, 3)}
"""Cadence → minutes and months of the data interval; of the others it is the schedule's shortest gap."""


def plan_routines(system_id: str, system: System) -> list[RoutinePlan]:
    """Return the plans of a system that has been checked, in the catalog's order."""
    return [_plan(system_id, system, routine) for routine in system.routines]


def _plan(system_id: str, system: System, routine: Routine) -> RoutinePlan:
    from upkeep.catalog.pages import RoutinePage

    page = RoutinePage(system, routine)
    minutes, months = _INTERVALS.get(routine.cadence) or (_shortest_gap(routine.schedule), 0)
    return RoutinePlan(
        dag_id=f"{system_id}_{routine.name}",
        system=system_id,
        routine=routine.name,
        title=f"{system.title}: {routine.title}",
        cadence=routine.cadence,
        schedule=routine.schedule or "",
        timezone=routine.timezone or system.timezone,
        interval_minutes=minutes,
        interval_months=months,
        owner=routine.owner,
        owner_links=_links(routine.owner, system.owners[routine.owner]),
        tags=sorted([f"system:{system_id}", f"cadence:{routine.cadence}", f"owner:{routine.owner}"]),
        doc_md=page.routine(),
        deadline_seconds=routine.deadline_minutes * 60,
        timeout_seconds=routine.timeout_minutes * 60,
        retries=routine.retry.retries,
        delay_seconds=routine.retry.delay_seconds,
        longest_delay_seconds=routine.retry.longest_delay_seconds,
        fail_on=list(routine.outcome.fail_on),
        pool=f"upkeep_{system_id}",
        tasks=[_task(page, system, use, routine.procedures) for use in routine.procedures],
    )


def _shortest_gap(cron: str | None) -> int:
    """Return the shortest time between two runs of a schedule in a week, in minutes; a day without one."""
    from upkeep.catalog.schedules import next_due

    if cron is None:
        return _DAY
    due = [datetime(2026, 1, 1, tzinfo=UTC)]  # any week will do, but always the same
    while due[-1] - due[0] < timedelta(days=7) and len(due) < _MOST_RUNS_A_WEEK:
        due.append(next_due(cron, "UTC", due[-1]))
    gaps = [later - earlier for earlier, later in pairwise(due[1:])] or [timedelta(days=1)]
    return max(int(min(gaps) / timedelta(minutes=1)), 1)


def _task(
    page: RoutinePage, system: System, use: ProcedureUse, procedures: Sequence[ProcedureUse]
) -> TaskPlan:
    from upkeep.checks.registry import kind

    used = kind(use.kind)
    # Of two recoveries in one routine each has a choice of its own.
    alone = sum(kind(other.kind).act is not None for other in procedures) == 1
    prefix = "" if alone else f"{use.task_id}_"
    parameters = used.parameters.model_validate(use.parameters)
    return TaskPlan(
        task_id=use.task_id,
        kind=use.kind,
        reads=str(used.reads),
        parameters=use.parameters,
        serves=use.serves,
        doc_md=page.task(use),
        procedure_id=use.id,
        after=list(use.after),
        stages=[_stage(stage, system, parameters) for stage in used.act.stages] if used.act else [],
        fields=[_field(one, prefix) for one in used.act.fields(system, parameters)] if used.act else [],
    )


def _stage(stage: Stage, system: System, parameters: BaseModel) -> StagePlan:
    by = str(stage.by(system, parameters))
    return StagePlan(stage.name, stage.title, str(stage.does), stage.poll_seconds, stage.longest_seconds, by)


def _field(one: FormField, prefix: str) -> FieldPlan:
    parameter = one.name if one.shared else f"{prefix}{one.name}"
    return FieldPlan(
        one.name, parameter, one.title, one.description, one.type, one.default, list(one.choices), one.format
    )


def _links(name: str, owner: Owner) -> dict[str, str]:
    link = owner.link or (f"mailto:{owner.email}" if owner.email else None)
    return {name: link} if link else {}
