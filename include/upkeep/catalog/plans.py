"""Plans: all that a routine's DAG is built from, as plain values that JSON can hold.

Reading plans must stay cheap, so nothing heavy is imported here until plans are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upkeep.catalog.models import ProcedureUse, Routine, System
    from upkeep.catalog.models.people import Owner
    from upkeep.catalog.pages import RoutinePage


@dataclass(frozen=True)
class TaskPlan:
    """One procedure of a routine.

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


@dataclass(frozen=True)
class RoutinePlan:
    """One routine, which becomes one DAG.

    deadline_seconds: counted from the run's due time. timeout_seconds: of one task. delay_seconds and
    longest_delay_seconds: the first and the longest wait between tries. interval_days and
    interval_months: the length of the data interval, one of the two.
    """

    dag_id: str
    system: str
    routine: str
    title: str
    cadence: str
    schedule: str
    timezone: str
    interval_days: int
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


_INTERVALS = {"daily": (1, 0), "weekly": (7, 0), "monthly": (0, 1), "quarterly": (0, 3)}
"""Cadence → days and months of the data interval."""


def plan_routines(system_id: str, system: System) -> list[RoutinePlan]:
    """Return the plans of a system that has been checked, in the catalog's order."""
    return [_plan(system_id, system, routine) for routine in system.routines]


def _plan(system_id: str, system: System, routine: Routine) -> RoutinePlan:
    from upkeep.catalog.pages import RoutinePage

    page = RoutinePage(system, routine)
    days, months = _INTERVALS[routine.cadence]
    return RoutinePlan(
        dag_id=f"{system_id}_{routine.name}",
        system=system_id,
        routine=routine.name,
        title=f"{system.title}: {routine.title}",
        cadence=routine.cadence,
        schedule=routine.schedule,
        timezone=routine.timezone or system.timezone,
        interval_days=days,
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
        tasks=[_task(page, use) for use in routine.procedures],
    )


def _task(page: RoutinePage, use: ProcedureUse) -> TaskPlan:
    from upkeep.checks.registry import kind

    return TaskPlan(
        task_id=use.task_id,
        kind=use.kind,
        reads=str(kind(use.kind).reads),
        parameters=use.parameters,
        serves=use.serves,
        doc_md=page.task(use),
        procedure_id=use.id,
    )


def _links(name: str, owner: Owner) -> dict[str, str]:
    link = owner.link or (f"mailto:{owner.email}" if owner.email else None)
    return {name: link} if link else {}
