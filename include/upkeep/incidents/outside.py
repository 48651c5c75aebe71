"""The signals of what is no routine: alerts, people, the catalog, the suite itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from upkeep.incidents.model import Signal
from upkeep.incidents.severities import LATE_SEVERITY, metric_of_alert, of_alert
from upkeep.incidents.subjects import (
    OWN_SYSTEM,
    alert_subject,
    catalog_subject,
    connections_subject,
    dag_subject,
    fold_key_of,
    metric_key,
)

if TYPE_CHECKING:
    from upkeep.catalog.models import System


def broken_catalog(system: str, problems: Sequence[str], began_at: datetime, now: datetime) -> Signal:
    """Return the signal of a system's file that is broken. An edit that leaves it broken is news."""
    number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return Signal(
        event_id=f"catalog/{system}/{_digest(problems)}/{began_at.isoformat()}",
        fold_key=f"{OWN_SYSTEM}/catalog/{system}",
        system=OWN_SYSTEM,
        source="catalog",
        issue_type="catalog_broken",
        severity=LATE_SEVERITY,
        title=f"The catalog of {system} is broken",
        summary=f"Its last good version stays in force. {number}: {'; '.join(problems[:3])}",
        began_at=began_at,
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


def missing_connections(system: str, missing: Sequence[str], began_at: datetime, now: datetime) -> Signal:
    """Return the signal of connections that a system's file names and Airflow lacks.

    It wakes nobody unless the suite's own chain says so. Another set of them is another event.
    """
    return Signal(
        event_id=f"connections/{system}/{_digest(missing)}/{began_at.isoformat()}",
        fold_key=f"{OWN_SYSTEM}/{connections_subject(system)}",
        system=OWN_SYSTEM,
        source="watchdog",
        issue_type="connection_missing",
        severity=LATE_SEVERITY,
        title=f"Airflow lacks connections of {system}",
        summary=f"Create {', '.join(missing)}: until then what needs them finds nothing.",
        began_at=began_at,
        at=now,
        wrong=(connections_subject(system),),
        facts={"connections": list(missing)},
    )


def unknown_dag(system: str, dag_id: str, *, owner: str, began_at: datetime, now: datetime) -> Signal:
    """Return the signal of a routine whose DAG Airflow never knew, or whose file it finds no more."""
    return Signal(
        event_id=f"unknown/{dag_id}/{began_at.isoformat()}",
        fold_key=fold_key_of(system, dag_id),
        system=system,
        source="missing_run",
        issue_type="maintenance_late",
        severity=LATE_SEVERITY,
        title=f"Airflow does not know {dag_id}",
        summary="It will not run. Look for an import error, whether the DAG processor reads the folder, and "
        "whether the user of the connection upkeep_airflow may read the DAG.",
        began_at=began_at,
        at=now,
        wrong=(dag_subject(dag_id),),
        facts={"dag_id": dag_id, "owner": owner},
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


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
