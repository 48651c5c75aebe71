"""The daily routines of every system against a sandbox, without Airflow's scheduler: checks, no DAG runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.connections import airflow_connections
from sandbox.estate import Estate
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.plans import RoutinePlan, TaskPlan
from upkeep.checks.context import CheckContext, Measurement
from upkeep.checks.registry import kind
from upkeep.checks.runner import run_checks
from upkeep.findings import Finding
from upkeep.operators.clients import AirflowClients
from upkeep.runs.moment import RunFacts, moment

ANSWER_SECONDS = 60.0


class NothingRemembered:
    """A ledger on its first day."""

    def measurements(self, metric: str, since: datetime, until: datetime) -> Sequence[Measurement]:
        """Return nothing."""
        return ()


@dataclass(frozen=True, order=True)
class Place:
    """Where a finding stands."""

    dag_id: str
    task: str
    check: str

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.task} {self.check}"


class Routines:
    """All daily procedures, ready to be run one by one."""

    def __init__(self) -> None:
        catalog = Catalog()
        self.plans = list(catalog.plans(cadence="daily"))
        self._systems = {plan.system: catalog.system(plan.system) for plan in self.plans}

    def run(self, wanted: Callable[[RoutinePlan, TaskPlan], bool]) -> dict[Place, Finding]:
        """Return the findings of every procedure that is wanted, as of now."""
        found: dict[Place, Finding] = {}
        for plan in self.plans:
            found.update(self._run(plan, [task for task in plan.tasks if wanted(plan, task)]))
        return found

    def _run(self, plan: RoutinePlan, tasks: Iterable[TaskPlan]) -> dict[Place, Finding]:
        now = datetime.now(UTC)
        when = moment(RunFacts("manual", now, None), plan.schedule, plan.timezone, now)
        system, found = self._systems[plan.system], {}
        with AirflowClients(system) as clients:
            about = CheckContext(plan.system, system, when.as_of, when.since, clients, NothingRemembered())
            for task in tasks:
                spec = kind(task.kind)
                checks = spec.checks(about, spec.parameters.model_validate(task.parameters))
                for finding in run_checks(checks, when.as_of, ANSWER_SECONDS):
                    found[Place(plan.dag_id, task.task_id, finding.check)] = finding
        return found


def connect(estate: Estate) -> dict[str, str]:
    """Return the environment variables through which Airflow's clients find the sandbox."""
    return {f"AIRFLOW_CONN_{name.upper()}": text for name, text in airflow_connections(estate).items()}
