"""The signals of routines: late, failed, missing, critical. The same event always makes the same signal.

What is about one routine has one fold key: its critical finding, the task that this fails, the failed run
and the missed deadline are one incident. A backfill speaks of the past and makes none: each constructor that
is given a run's type answers None for it. Times have a time zone; nothing secret goes into a signal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from upkeep.findings import Finding, State
from upkeep.incidents.model import Signal
from upkeep.incidents.severities import LATE_SEVERITY, metric_of_check, of_finding, symptom_of
from upkeep.incidents.subjects import check_subject, fold_key_of, metric_key, run_subject

if TYPE_CHECKING:
    from upkeep.catalog.models import System

ISSUE_TYPES = {
    "backup_status": "data_loss",
    "certificates": "service_down",
    "health": "service_down",
    "security_alerts": "security",
    "vulnerabilities": "security",
}
"""Kind of procedure → issue type of its critical findings; of every other kind it is performance."""


@dataclass(frozen=True)
class RunOf:
    """A run of a routine. attempt: how often it was cleared: one that fails again is news."""

    system: str
    dag_id: str
    run_id: str
    run_type: str
    owner: str
    attempt: int = 0

    @property
    def name(self) -> str:
        """The attempt's name, for ever the same."""
        return f"{self.dag_id}/{self.run_id}" + (f"/{self.attempt}" if self.attempt else "")

    @property
    def facts(self) -> dict[str, Any]:
        """What pages and the incident's page say of the run."""
        return {"dag_id": self.dag_id, "run_id": self.run_id, "owner": self.owner}


def missed_deadline(run: RunOf, deadline_at: datetime, allowed: timedelta, now: datetime) -> Signal | None:
    """Return the signal of a run that had not succeeded by its deadline. `allowed`: from its due time."""
    if run.run_type == "backfill":
        return None
    minutes = allowed.total_seconds() / 60
    return _of_run(
        run,
        f"deadline/{run.name}",
        source="deadline",
        issue_type="maintenance_late",
        title=f"{run.dag_id} missed its deadline",
        summary=f"The run {run.run_id} had not succeeded {minutes:g} minutes after it was due.",
        began_at=deadline_at,
        at=now,
        facts={"deadline_at": deadline_at.isoformat()},
    )


def failed_run(run: RunOf, failed_at: datetime, now: datetime, tasks: Sequence[str] = ()) -> Signal | None:
    """Return the signal of a run that failed. `tasks`: the ids of those that did."""
    if run.run_type == "backfill":
        return None
    named = f": {', '.join(tasks)}" if tasks else ""
    return _of_run(
        run,
        f"failure/{run.name}",
        source="failure",
        issue_type="maintenance_failed",
        title=f"{run.dag_id} failed",
        summary=f"The run {run.run_id} failed{named}.",
        began_at=failed_at,
        at=now,
        facts={"tasks": list(tasks)},
    )


def missing_run(  # noqa: PLR0913 - there is no run to name
    system: str, dag_id: str, *, owner: str, due_at: datetime, reason: str, now: datetime
) -> Signal:
    """Return the signal of a run that should have started and did not. `reason`: paused, stale, no run, …"""
    return Signal(
        event_id=f"missing/{dag_id}/{due_at.isoformat()}",
        fold_key=fold_key_of(system, dag_id),
        system=system,
        source="missing_run",
        issue_type="maintenance_late",
        severity=LATE_SEVERITY,
        title=f"{dag_id} did not run",
        summary=f"The run due at {due_at:%F %H:%M %Z} has not started: {reason}.",
        began_at=due_at,
        at=now,
        wrong=(run_subject(dag_id),),
        facts={"dag_id": dag_id, "owner": owner, "due_at": due_at.isoformat()},
    )


def critical_findings(  # noqa: PLR0913 - whose findings they are, and the findings
    run: RunOf, system: System, findings: Sequence[Finding], *, kind: str, task_id: str, now: datetime
) -> Signal | None:
    """Return the signal of a task's critical findings, None where there is none. `kind`: of its procedure.

    The most severe of them gives severity, title and symptom. It shares a key with the alerts that watch
    the same metrics.
    """
    critical = [finding for finding in findings if finding.state is State.CRITICAL]
    if run.run_type == "backfill" or not critical:
        return None
    checks = sorted({finding.check for finding in critical})
    worst = min(critical, key=lambda finding: of_finding(system, finding))
    metrics = {name for finding in critical if (name := metric_of_check(system, finding.check))}
    others = f" and {len(critical) - 1} more" if len(critical) > 1 else ""
    return _of_run(
        run,
        f"finding/{run.name}/{task_id}/{_digest(checks)}",
        source="finding",
        issue_type=ISSUE_TYPES.get(kind, "performance"),
        severity=of_finding(system, worst),
        symptom=symptom_of(system, worst),
        title=worst.summary + others,
        summary="; ".join(finding.summary for finding in critical[:5]) + ".",
        began_at=min(finding.observed_at for finding in critical),
        at=now,
        about=tuple(metric_key(run.system, name) for name in sorted(metrics)),
        wrong=tuple(check_subject(run.dag_id, check) for check in checks),
        facts={"task_id": task_id, "checks": checks, **_measured(worst)},
    )


def lasting_warning(  # noqa: PLR0913 - whose finding it is, and the finding
    run: RunOf, system: System, finding: Finding, *, task_id: str, since: datetime, now: datetime
) -> Signal | None:
    """Return the signal of a warning, None unless it has held for longer than the catalog allows."""
    name = metric_of_check(system, finding.check)
    allowed = system.metrics[name].escalate_after_minutes if name else None
    if run.run_type == "backfill" or allowed is None or now - since < timedelta(minutes=allowed):
        return None
    return _of_run(
        run,
        f"warning/{run.dag_id}/{finding.check}/{since.isoformat()}",
        source="finding",
        issue_type="performance",
        severity=of_finding(system, finding),
        symptom=symptom_of(system, finding),
        title=finding.summary,
        summary=f"{finding.summary}, a warning that has held for more than {allowed:g} minutes.",
        began_at=since,
        at=now,
        about=(metric_key(run.system, str(name)),),
        wrong=(check_subject(run.dag_id, finding.check),),
        facts={"task_id": task_id, "checks": [finding.check], **_measured(finding)},
    )


def _of_run(run: RunOf, event_id: str, *, facts: Mapping[str, Any], **more: Any) -> Signal:
    values = {"severity": LATE_SEVERITY, "wrong": (run_subject(run.dag_id),)} | more
    return Signal(
        event_id=event_id,
        fold_key=fold_key_of(run.system, run.dag_id),
        system=run.system,
        occasion=run.name,
        facts=run.facts | dict(facts),
        **values,
    )


def _measured(finding: Finding) -> dict[str, Any]:
    return {
        "value": finding.value,
        "unit": finding.unit,
        "limit": finding.limit,
        "source": finding.source,
        "runbook": finding.runbook,
    }


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
