"""Critical findings whose task was killed before it could open their incident."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from upkeep.catalog.plans import RoutinePlan
from upkeep.catalog.schedules import next_due
from upkeep.findings import Finding, State
from upkeep.incidents.model import Signal
from upkeep.incidents.signals import RunOf, critical_findings
from upkeep.ledger import reads
from upkeep.ledger.tables import FindingRow

if TYPE_CHECKING:
    from upkeep.catalog.models import System


def criticals(
    engine: Engine,
    plans: Iterable[RoutinePlan],
    system_of: Callable[[str], System],
    since: datetime,
    now: datetime,
) -> list[Signal]:
    """Return the signals of the critical findings of scheduled runs that were recorded since a time.

    What a run found after the next one was due is history, and pages nobody.
    """
    by_dag = {plan.dag_id: plan for plan in plans}
    rows = [
        row
        for row, as_of in reads.criticals(engine, since)
        if (plan := by_dag.get(row.dag_id)) is not None and _of_the_present(plan, as_of, row.recorded_at)
    ]
    signals = []
    for (dag_id, run_id, task_id), group in groupby(rows, key=lambda r: (r.dag_id, r.run_id, r.task_id)):
        plan = by_dag[dag_id]
        kind = next((task.kind for task in plan.tasks if task.task_id == task_id), "")
        run = RunOf(plan.system, dag_id, run_id, "scheduled", plan.owner)
        signals.append(
            critical_findings(
                run,
                system_of(plan.system),
                [_finding(row) for row in group],
                kind=kind,
                task_id=task_id,
                now=now,
            )
        )
    return [signal for signal in signals if signal is not None]


def _of_the_present(plan: RoutinePlan, as_of: datetime, recorded_at: datetime) -> bool:
    return not plan.schedule or recorded_at < next_due(plan.schedule, plan.timezone, as_of)


def _finding(row: FindingRow) -> Finding:
    return Finding(
        check=row.check_id,
        state=State(row.state),
        summary=row.summary,
        source=row.source,
        observed_at=row.observed_at,
        value=row.value,
        unit=row.unit,
        limit=row.limit_text,
        limit_value=row.limit_value,
        runbook=row.runbook,
    )
