"""Which task does which duty of the operations guides, and which duties have none yet."""

from __future__ import annotations

from dataclasses import dataclass

from upkeep.catalog.compiled import Catalog
from upkeep.runs.wakeups import ESCALATION

PAGING = (ESCALATION, "escalate")
"""The DAG and the task that page every system's chain."""


@dataclass(frozen=True)
class Coverage:
    """A duty and the task that does it, if there is one."""

    id: str
    what: str
    dag_id: str | None
    task_id: str | None


def coverage(catalog: Catalog) -> list[Coverage]:
    """Return the coverage of all duties of the systems in force, in the catalog's order.

    Where several tasks do a duty, it is the one made for it, else the first of a routine that also serves
    it, else the one that pages.
    """
    tasks: dict[str, tuple[str, str]] = {}
    named: dict[str, tuple[str, str]] = {}
    for plan in catalog.plans():
        for task in plan.tasks:
            named.setdefault(task.procedure_id, (plan.dag_id, task.task_id))
            for duty in task.serves:
                tasks.setdefault(duty, (plan.dag_id, task.task_id))
    systems = [catalog.system(system_id) for system_id in catalog.system_ids()]
    paged = {duty: PAGING for system in systems for duty in system.escalation.serves}
    tasks = {**paged, **tasks, **named}
    return [
        Coverage(duty.id, duty.what, *tasks.get(duty.id, (None, None)))
        for system in systems
        for duty in system.duties
    ]
