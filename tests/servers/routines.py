"""The daily routines of every system against a sandbox, without Airflow's scheduler: checks, no DAG runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sandbox.connections import airflow_connections
from sandbox.estate import Estate
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.plans import RoutinePlan
from upkeep.checks.context import CheckContext, Measurement, PastIncident
from upkeep.checks.registry import kind
from upkeep.checks.runner import run_checks
from upkeep.findings import Finding
from upkeep.operators.clients import AirflowClients
from upkeep.runs.moment import RunFacts, moment

ANSWER_SECONDS = 60.0
ALONE = "kind"
"""Stands for the routine of a check that no daily routine of the system has."""

CHECKED_ALONE: dict[str, dict[str, dict[str, Any]]] = {
    "quikapp": {
        "certificates": {},
        "health": {"endpoints": ["api", "websocket_metrics", "phoenix_dashboard"], "workload": True},
        "resource_usage": {"database": "mysql"},
    },
    "maintenance-api": {
        "certificates": {},
        "health": {"endpoints": ["ready", "live"], "workload": True},
    },
    "lessay": {
        "certificates": {},
        "health": {"endpoints": ["api", "payments"]},
        # The configuration lies in Git, where no check looks.
        "backup_status": {"policies": ["database_hourly", "database_daily", "files"]},
    },
    "tapio": {"certificates": {}},
}
"""System → kind → parameters: checks that routines of other cadences and runbooks make."""


class NothingRemembered:
    """A ledger on its first day."""

    def measurements(self, metric: str, since: datetime, until: datetime) -> Sequence[Measurement]:
        """Return nothing."""
        return ()

    def incidents(self, since: datetime, until: datetime) -> Sequence[PastIncident]:
        """Return nothing."""
        return ()

    def known_since(self) -> datetime | None:
        """Return that it never heard of the system."""
        return None


@dataclass(frozen=True, order=True)
class Place:
    """Where a finding stands. task: `<routine>/<task>`."""

    system: str
    task: str
    check: str

    def __str__(self) -> str:
        return f"{self.system} {self.task}: {self.check}"


@dataclass(frozen=True)
class _Procedure:
    plan: RoutinePlan
    kind: str
    parameters: dict[str, Any]


class Routines:
    """All procedures, ready to be run one by one. A context manager that closes its clients."""

    def __init__(self) -> None:
        catalog = Catalog()
        self._procedures: dict[tuple[str, str], _Procedure] = {}
        for plan in catalog.plans(cadence="daily"):
            for task in plan.tasks:
                procedure = _Procedure(plan, task.kind, task.parameters)
                self._procedures[plan.system, f"{plan.routine}/{task.task_id}"] = procedure
            for name, parameters in CHECKED_ALONE.get(plan.system, {}).items():
                self._procedures[plan.system, f"{ALONE}/{name}"] = _Procedure(plan, name, parameters)
        self.systems = {system_id: catalog.system(system_id) for system_id, _ in self._procedures}
        self._stack = contextlib.ExitStack()
        self._clients = {
            system_id: self._stack.enter_context(AirflowClients(system))
            for system_id, system in self.systems.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tasks(self, system_id: str) -> list[str]:
        """Return the tasks of a system, as places name them."""
        return [task for owner, task in self._procedures if owner == system_id]

    def run(self, system_id: str, tasks: Sequence[str] | None = None) -> dict[Place, Finding]:
        """Return what some tasks of a system, by default all, find now."""
        wanted = self.tasks(system_id) if tasks is None else tasks
        return {
            Place(system_id, task, finding.check): finding
            for task in wanted
            for finding in self._run(system_id, self._procedures[system_id, task])
        }

    def _run(self, system_id: str, procedure: _Procedure) -> Iterator[Finding]:
        now, plan = datetime.now(UTC), procedure.plan
        when = moment(RunFacts("manual", now, None), plan.schedule, plan.timezone, now)
        about = CheckContext(
            system_id,
            self.systems[system_id],
            when.as_of,
            when.since,
            self._clients[system_id],
            NothingRemembered(),
        )
        spec = kind(procedure.kind)
        checks = spec.checks(about, spec.parameters.model_validate(procedure.parameters))
        yield from run_checks(checks, when.as_of, ANSWER_SECONDS)


def connect(estate: Estate) -> dict[str, str]:
    """Return the environment variables through which Airflow's clients find the sandbox."""
    return {f"AIRFLOW_CONN_{name.upper()}": text for name, text in airflow_connections(estate).items()}
