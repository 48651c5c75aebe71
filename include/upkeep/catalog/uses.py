"""Checks routines and the procedures that they use: ids, kinds, parameters, connections, times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from upkeep.catalog.models import ProcedureUse, Routine, System
from upkeep.catalog.positions import Path
from upkeep.catalog.problems import Problem, suggest
from upkeep.catalog.read import Document
from upkeep.catalog.schedules import next_due
from upkeep.catalog.subjects import section_of
from upkeep.catalog.translate import problems_of
from upkeep.checks.registry import Kind

LONGEST_DAG_ID = 200
"""Airflow allows 250; what derives from the id (run ids, names of resources) needs room."""

LONGEST_MINUTES = 366 * 24 * 60
"""No deadline and no time-out of a routine makes sense beyond a year."""

RESERVED_TASK_IDS = ("open_run", "report")
"""Every routine's DAG has these besides its procedures."""

_GAPS = {"daily": (0.5, 4), "weekly": (6, 8), "monthly": (21, 42), "quarterly": (75, 110)}
"""Days between two runs that a cadence allows: a daily routine may leave out a long weekend."""

_ROLE_OF_KIND = {
    "metrics": "prometheus",
    "dashboards": "prometheus",
    "slo": "prometheus",
    "alert_rules": "prometheus",
    "alerts_since": "prometheus",
    "security_alerts": "prometheus",
    "error_logs": "kubernetes",
    "log_archive": "kubernetes",
}
_ROLE_OF_PARAMETER = {
    "metrics": "prometheus",
    "groups": "prometheus",
    "pods": "kubernetes",
    "nodes": "kubernetes",
    "workload": "kubernetes",
    "kubernetes": "kubernetes",
}
_ROLE_OF_SOURCE = {"cloudwatch": "aws", "loki": "loki", "kubernetes": "kubernetes", "s3": "aws"}
_NEED_WORKLOAD = ("error_logs", "log_archive")


@dataclass(frozen=True)
class RoutineCheck:
    """A system's routines, with what they are checked against."""

    system_id: str
    system: System
    document: Document
    kinds: Mapping[str, Kind]

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the routines and the uses of procedures in them."""
        names: set[str] = set()
        for index, routine in enumerate(self.system.routines):
            place: Path = ("routines", index)
            if routine.name in names:
                what = f"there are two routines {routine.name!r}"
                yield self.document.problem((*place, "name"), what, "give each a name of its own")
            names.add(routine.name)
            yield from self._times(routine, place)
            yield from _check_task_ids(routine, self.document, place)
            for number, use in enumerate(routine.procedures):
                yield from self._use(use, (*place, "procedures", number))

    def _times(self, routine: Routine, place: Path) -> Iterator[Problem]:
        length = len(f"{self.system_id}_{routine.name}")
        if length > LONGEST_DAG_ID:
            what, fix = f"the DAG's id would have {length} characters", f"shorten it to {LONGEST_DAG_ID}"
            yield self.document.problem((*place, "name"), what, fix)
        for key in ("deadline_minutes", "timeout_minutes"):
            if getattr(routine, key) > LONGEST_MINUTES:
                yield self.document.problem(
                    (*place, key), "this is longer than a year", "write it in minutes"
                )
        least, longest = routine.retry.delay_seconds, routine.retry.longest_delay_seconds
        if longest < least:
            what, fix = (
                f"{longest:g} s is shorter than delay_seconds, {least:g} s",
                f"write {least:g} or more",
            )
            yield self.document.problem((*place, "retry", "longest_delay_seconds"), what, fix)
        task, whole = routine.timeout_minutes, routine.deadline_minutes
        if task > whole:
            what = f"one task may run for {task:g} min, but the whole routine is due in {whole:g} min"
            fix = f"set timeout_minutes to {whole:g} or less"
            yield _warning(self.document.problem((*place, "timeout_minutes"), what, fix))
        yield from _check_cadence(routine, routine.timezone or self.system.timezone, self.document, place)

    def _use(self, use: ProcedureUse, place: Path) -> Iterator[Problem]:
        yield from self._duties(use, place)
        kind = self.kinds.get(use.kind)
        if kind is None:
            what = f"there is no kind of procedure {use.kind!r}"
            yield self.document.problem((*place, "kind"), what, suggest(use.kind, self.kinds, "kinds"))
            return
        try:
            parameters = kind.parameters.model_validate(use.parameters)
        except ValidationError as e:
            yield from self._parameters(e, kind, use, place)
            return
        yield from _check_names(self.system, use, self.document, place)
        yield from _check_connections(self.system, use, parameters.model_dump(), self.document, place)

    def _parameters(
        self, error: ValidationError, kind: Kind, use: ProcedureUse, place: Path
    ) -> Iterator[Problem]:
        if use.parameters:
            yield from problems_of(error, self.document, kind.parameters, (*place, "parameters"))
            return
        # The file has no parameters to point at.
        for details in error.errors(include_url=False):
            name = ".".join(map(str, details["loc"]))
            what = f"the parameter {name!r} is missing" if name else str(details["ctx"]["error"])
            yield self.document.problem((*place, "kind"), what, f"add it to 'parameters' of {kind.name}")

    def _duties(self, use: ProcedureUse, place: Path) -> Iterator[Problem]:
        duties = [duty.id for duty in self.system.duties]
        served: list[tuple[Path, str]] = [((*place, "id"), use.id)]
        served += [((*place, "also_serves", number), other) for number, other in enumerate(use.also_serves)]
        for path, duty in served:
            if duty not in duties:
                what = f"{duty!r} is no duty of {self.system_id}"
                yield self.document.problem(path, what, suggest(duty, duties, "duties"))


def _check_cadence(routine: Routine, timezone: str, document: Document, place: Path) -> Iterator[Problem]:
    if routine.cadence not in _GAPS:
        return
    if routine.schedule is None:
        what = f"the routine is {routine.cadence}, but has no schedule"
        yield document.problem((*place, "cadence"), what, "add 'schedule', five fields of cron")
        return
    least, most = _GAPS[routine.cadence]
    due = datetime(2026, 1, 1, tzinfo=UTC)  # any year will do, but always the same
    for number in range(10):
        earlier, due = due, next_due(routine.schedule, timezone, due)
        days = (due - earlier) / timedelta(days=1)
        if number and not least <= days <= most:
            what = f"the routine is {routine.cadence}, but {routine.schedule!r} runs {days:.3g} days apart"
            yield _warning(document.problem((*place, "schedule"), what, "change the schedule or the cadence"))
            return


def _check_task_ids(routine: Routine, document: Document, place: Path) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for number, use in enumerate(routine.procedures):
        path: Path = (*place, "procedures", number, "id")
        if use.task_id in RESERVED_TASK_IDS:
            what = f"the task would be called {use.task_id!r}, as every routine's own"
            yield document.problem(path, what, "give the duty another last part")
        for index, earlier in enumerate(use.after):
            if earlier not in seen:
                what = f"{use.task_id!r} is to come after {earlier!r}, which is no procedure above it"
                place_of: Path = (*place, "procedures", number, "after", index)
                yield document.problem(place_of, what, suggest(earlier, list(seen), "procedures"))
        if use.task_id in seen:
            what = f"the task {use.task_id!r} is in the routine twice, also for {seen[use.task_id]!r}"
            yield document.problem(path, what, "move one of the two to another routine")
        seen[use.task_id] = use.id


def _check_names(system: System, use: ProcedureUse, document: Document, place: Path) -> Iterator[Problem]:
    for parameter, names in use.parameters.items():
        path: Path = (*place, "parameters", parameter)
        if section := section_of(use.kind, parameter):
            known, noun = list(getattr(system, section)), section
        elif parameter == "groups":
            known, noun = sorted({metric.group for metric in system.metrics.values()}), "groups of metrics"
        else:
            continue
        for number, name in enumerate(names or ()):
            if name not in known:
                what = f"there is nothing called {name!r} among the system's {noun}"
                yield document.problem((*path, number), what, suggest(name, known, noun))


def _check_connections(
    system: System, use: ProcedureUse, parameters: Mapping[str, Any], document: Document, place: Path
) -> Iterator[Problem]:
    for role in dict.fromkeys(_roles(system, use.kind, parameters)):
        if role not in system.connections:
            what = f"{use.kind} needs the connection {role!r}, which the system does not name"
            fix = f"add 'connections: {{{role}: <id of an Airflow connection>}}'"
            yield document.problem((*place, "kind"), what, fix)
    needs_workload = use.kind in _NEED_WORKLOAD or parameters.get("workload") or parameters.get("pods")
    if needs_workload and system.workload is None:
        what = f"{use.kind} looks at pods, but the system names no workload"
        yield document.problem((*place, "kind"), what, "add 'workload: {namespace: <its namespace>}'")


def _roles(system: System, kind: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the roles of the connections that a use needs."""
    if kind in _ROLE_OF_KIND:
        yield _ROLE_OF_KIND[kind]
    yield from (role for parameter, role in _ROLE_OF_PARAMETER.items() if parameters.get(parameter))
    if isinstance(source := parameters.get("source"), str) and source in _ROLE_OF_SOURCE:
        yield _ROLE_OF_SOURCE[source]
    if isinstance(database := parameters.get("database"), str):
        yield database
    if section_of(kind, "endpoints") == "health" and parameters.get("endpoints"):
        yield "http"
    if kind == "certificates":
        names = parameters.get("endpoints") or list(system.tls)
        if any(system.tls[name].connect_through for name in names if name in system.tls):
            yield "http"
    if kind == "backup_status":
        names = parameters.get("policies") or list(system.backups)
        if any(system.backups[name].method == "replication" for name in names if name in system.backups):
            yield "prometheus"


def _warning(problem: Problem) -> Problem:
    return replace(problem, level="warning")
