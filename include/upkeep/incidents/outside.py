"""The signals of what is no routine: alerts, people, the catalog, the suite itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from upkeep.incidents.model import Signal
from upkeep.incidents.severities import LATE_SEVERITY, metric_of_alert, of_alert
from upkeep.incidents.subjects import OWN_SYSTEM, alert_subject, catalog_subject, metric_key

if TYPE_CHECKING:
    from upkeep.catalog.models import System


def broken_catalog(system: str, digest: str, problems: Sequence[str], now: datetime) -> Signal:
    """Return the signal of a system's file that is broken. `digest`: of the file, so that an edit is news."""
    return Signal(
        event_id=f"catalog/{system}/{digest}",
        fold_key=f"{OWN_SYSTEM}/catalog/{system}",
        system=OWN_SYSTEM,
        source="catalog",
        issue_type="catalog_broken",
        severity=LATE_SEVERITY,
        title=f"The catalog of {system} is broken",
        summary=f"Its last good version stays in force. {len(problems)} problems: {'; '.join(problems[:3])}",
        began_at=now,
        at=now,
        wrong=(catalog_subject(system),),
        facts={"problems": list(problems[:20])},
    )


def of_the_suite(  # noqa: PLR0913 - what a page must say
    what: str, *, title: str, summary: str, began_at: datetime, now: datetime, severity: str = "P1"
) -> Signal:
    """Return the signal of something that the watchdog finds wrong with the suite itself.

    `what` names it (`scheduler/queue`); each time it begins is another event.
    """
    return Signal(
        event_id=f"watchdog/{what}/{began_at.isoformat()}",
        fold_key=f"{OWN_SYSTEM}/{what}",
        system=OWN_SYSTEM,
        source="watchdog",
        issue_type="service_down",
        severity=severity,
        title=title,
        summary=summary,
        began_at=began_at,
        at=now,
        wrong=(what,),
    )


def from_alert(  # noqa: PLR0913 - an alert's own fields
    system_id: str,
    system: System,
    *,
    name: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    starts_at: datetime,
    fingerprint: str,
    now: datetime,
) -> Signal | None:
    """Return the signal of a firing alert; None for a warning until it holds longer than the catalog allows.

    The catalog's rule of that name gives severity, issue type and symptom; an alert that it does not know
    counts by its `severity` label. It shares a key with the findings of the metric that the rule watches.
    """
    rule = system.alerts.get(name)
    severity = of_alert(system, rule, labels)
    allowed = rule.escalate_after_minutes if rule else None
    held = allowed is not None and now - starts_at >= timedelta(minutes=allowed)
    if severity == "P3" and not held:
        return None
    metric = metric_of_alert(system, rule) if rule else None
    said = annotations.get("summary") or (rule.summary if rule else name)
    return Signal(
        event_id=f"alert/{fingerprint}/{starts_at.isoformat()}",
        fold_key=f"{system_id}/alert/{name}",
        system=system_id,
        source="alertmanager",
        issue_type=rule.issue_type if rule else "performance",
        symptom=rule.runbook if rule else None,
        severity=severity,
        title=said,
        summary=annotations.get("description") or said,
        began_at=starts_at,
        at=now,
        about=(metric_key(system_id, metric),) if metric else (),
        wrong=(alert_subject(fingerprint),),
        facts={"alert": name, "labels": dict(labels), "runbook": rule.runbook if rule else None},
    )


def by_hand(  # noqa: PLR0913 - the fields of a form
    system: str,
    *,
    key: str,
    issue_type: str,
    severity: str,
    title: str,
    summary: str,
    who: str,
    now: datetime,
    symptom: str | None = None,
) -> Signal:
    """Return the signal of a person. `key` names the form that was sent (its run's id): twice is once.

    It folds into nothing but itself, and only a person resolves it.
    """
    return Signal(
        event_id=f"person/{key}",
        fold_key=f"{system}/person/{key}",
        system=system,
        source="person",
        issue_type=issue_type,
        symptom=symptom,
        severity=severity,
        title=title,
        summary=summary,
        began_at=now,
        at=now,
        wrong=("person",),
        facts={"raised_by": who},
    )
