"""The pages that Airflow shows of a routine and of its tasks: what someone paged at 03:00 needs to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from upkeep.catalog.models import Limit, ProcedureUse, Routine, System
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.catalog.models.escalation import Level
from upkeep.catalog.models.operations import Runbook
from upkeep.catalog.models.people import Owner
from upkeep.catalog.places import TEMPLATES
from upkeep.catalog.subjects import looked_at, section_of
from upkeep.checks.registry import Reads, kind
from upkeep.findings.units import format_value

_BACKFILL = {
    Reads.HISTORY: "reads history, so a backfill tells the truth about the past",
    Reads.PRESENT: "reads what is there now, so a backfill skips it and says so",
    Reads.BOTH: "reads history and the present; a backfill does the first and skips the second, and says so",
    Reads.ACTS: "changes something, so a backfill skips it and says so",
}


class RoutinePage:
    """Renders the pages of one routine."""

    def __init__(self, system: System, routine: Routine) -> None:
        self._system, self._routine = system, routine

    def routine(self) -> str:
        """Return the DAG's page in Markdown."""
        routine, escalation = self._routine, self._system.escalation
        levels = escalation.chains[escalation.default_chain].levels
        page = (
            _environment()
            .get_template("routine.md.j2")
            .render(
                system=self._system,
                routine=routine,
                timezone=routine.timezone or self._system.timezone,
                deadline=_minutes(routine.deadline_minutes),
                owner=_contact(self._system.owners[routine.owner]),
                levels=[_level(self._system, level, last=level is levels[-1]) for level in levels],
                fails=_fails(routine.outcome.fail_on),
                procedures=[self._procedure(use) for use in routine.procedures],
                runbooks=self._runbooks(),
                boards=self._boards(),
            )
        )
        return page.strip() + "\n"

    def task(self, use: ProcedureUse) -> str:
        """Return a task's page in Markdown."""
        template = _environment().get_template("task.md.j2")
        return template.render(procedure=self._procedure(use)).strip() + "\n"

    def _procedure(self, use: ProcedureUse) -> Mapping[str, Any]:
        used = kind(use.kind)
        duties = {duty.id: duty.what for duty in self._system.duties}
        parameters = used.parameters.model_validate(use.parameters).model_dump(mode="json")
        return {
            "title": use.id.rsplit("/", 1)[1].replace("-", " ").capitalize(),
            "task_id": use.task_id,
            "id": use.id,
            "what": duties[use.id],
            "also": [{"id": other, "what": duties[other]} for other in use.also_serves],
            "kind": use.kind,
            "summary": used.summary,
            "backfill": _BACKFILL[used.reads],
            "looks_at": list(self._entries(looked_at(self._system, use.kind, use.parameters))),
            "settings": list(_settings(use.kind, parameters)),
        }

    def _entries(self, names: Mapping[str, list[str]]) -> Iterator[str]:
        for name in names.get("metrics", ()):
            metric = self._system.metrics[name]
            yield f"{metric.title}: {_limits(metric.warning, metric.critical)}"
        for name in names.get("slos", ()):
            slo = self._system.slos[name]
            share = format_value(slo.target_ratio, "ratio")
            yield f"{slo.title}: at least {share} over {slo.window_days} days ({slo.measurement})"
        for name in names.get("alerts", ()):
            rule = self._system.alerts[name]
            held = f" for {rule.for_minutes:g} min" if rule.for_minutes else ""
            yield f"{name} ({rule.severity}): {rule.summary}; `{' '.join(rule.expr.split())}`{held}"
        for name in names.get("backups", ()):
            yield _policy(self._system.backups[name])
        for name in names.get("health", ()):
            end = self._system.health[name]
            slow = f" within {end.slower_than_seconds:g} s" if end.slower_than_seconds else ""
            yield f"`{end.url or end.path}` answers {end.expect_status}{slow}"
        for name in names.get("tls", ()):
            yield f"the certificate of `{self._system.tls[name].host}:{self._system.tls[name].port}`"

    def _looked_at(self, section: str) -> list[str]:
        """Return the names in a section that any procedure of the routine looks at, each once."""
        uses = (looked_at(self._system, use.kind, use.parameters) for use in self._routine.procedures)
        return list(dict.fromkeys(name for names in uses for name in names.get(section, ())))

    def _boards(self) -> list[Any]:
        """Return the dashboards that the routine reviews or that show its metrics."""
        metrics, named = set(self._looked_at("metrics")), self._looked_at("dashboards")
        return [
            board
            for name, board in self._system.dashboards.items()
            if name in named or metrics.intersection(board.metrics)
        ]

    def _runbooks(self) -> list[Runbook]:
        """Return the runbooks of what the routine looks at."""
        system = self._system
        used = [system.metrics[name].runbook for name in self._looked_at("metrics")]
        used += [system.alerts[name].runbook for name in self._looked_at("alerts")]
        return [system.runbooks[name] for name in dict.fromkeys(used) if name]


def _limits(warning: list[Limit], critical: list[Limit]) -> str:
    words = [f"critical {limit.text}" for limit in critical] + [f"warning {limit.text}" for limit in warning]
    return "; ".join(words) or "no limit, kept for comparison"


def _policy(policy: BackupPolicy) -> str:
    due = (
        f"due `{policy.schedule}` and there {policy.grace_minutes} min later" if policy.schedule else "always"
    )
    encrypted = "not encrypted" if policy.encryption == "none" else f"encrypted with {policy.encryption}"
    loss = f"; at most {_minutes(policy.rpo_minutes)} may be lost" if policy.rpo_minutes else ""
    return f"{policy.title} ({policy.what}): {due}, {encrypted}{loss}"


def _level(system: System, level: Level, *, last: bool) -> str:
    major = ", for P0 alone" if level.only_major else ""
    wait = "" if last else f"; the next level after {_minutes(level.wait_minutes)}"
    return f"{_contact(system.owners[level.owner])}, by {_listed(level.channels)}{major}{wait}"


def _contact(owner: Owner) -> str:
    reached = [text for text in (owner.email, owner.slack_channel, owner.phone) if text]
    return f"{owner.title} ({', '.join(reached)})" if reached else owner.title


def _settings(kind_name: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parameters in force, defaults included, that name no entries."""
    for name, value in parameters.items():
        if (
            section_of(kind_name, name) is None
            and name != "groups"
            and value not in (None, False, [], {}, "")
        ):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{name.replace('_', ' ')}: `{shown}`"


def _fails(states: Sequence[str]) -> str:
    return f"when a finding is {_listed(states, 'or')}" if states else "only when it cannot do its work"


def _listed(words: Sequence[str], joint: str = "and") -> str:
    """Join words as in a sentence."""
    *first, last = words or ["nothing"]
    return f"{', '.join(first)} {joint} {last}" if first else last


def _minutes(minutes: float) -> str:
    return format_value(minutes * 60, "seconds") if minutes else "no time"


def _plain(text: str) -> str:
    """Return text on one line that Markdown shows as it is: `<pod-name>` outside of code is no HTML."""
    parts = " ".join(text.split()).split("`")
    escaped = [part if index % 2 else _escaped(part) for index, part in enumerate(parts)]
    return "`".join(escaped)


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*")


@cache
def _environment() -> Environment:
    # The pages are Markdown, which HTML escaping would spoil; Airflow's UI shows no raw HTML of it.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["plain"] = _plain
    return environment
