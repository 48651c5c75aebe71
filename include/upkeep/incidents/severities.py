"""How severe a finding or an alert is by the catalog, and which metric and symptom it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from upkeep.findings import Finding, State

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.catalog.models.metrics import AlertRule

CRITICAL_SEVERITY, WARNING_SEVERITY = "P1", "P3"
"""Where the catalog does not say what the guide's words critical and warning mean."""

LATE_SEVERITY = "P2"
"""Maintenance that is late, failed or never began, a broken catalog: the systems still work."""


def of_finding(system: System, finding: Finding) -> str:
    """Return a finding's severity: that of the metric's limit that it crossed, else of the guide's word."""
    if name := metric_of_check(system, finding.check):
        metric = system.metrics[name]
        for limit in [*metric.critical, *metric.warning]:
            if limit.text == finding.limit and limit.severity:
                return str(limit.severity)
    critical = finding.state is State.CRITICAL
    default = CRITICAL_SEVERITY if critical else WARNING_SEVERITY
    return str(system.escalation.severity_words.get("critical" if critical else "warning", default))


def of_alert(system: System, rule: AlertRule | None, labels: Mapping[str, str]) -> str:
    """Return an alert's severity: the rule's, else its label's meaning. An unknown word is critical."""
    if rule:
        return str(rule.severity)
    word = labels.get("severity", "critical").lower()
    if word in ("info", "none"):
        return WARNING_SEVERITY
    default = WARNING_SEVERITY if word == "warning" else CRITICAL_SEVERITY
    return str(system.escalation.severity_words.get(word, default))


def metric_of_check(system: System, check: str) -> str | None:
    """Return the metric of the catalog that a check is about: its name without labels."""
    name = check.split("{", 1)[0]
    return name if name in system.metrics else None


def metric_of_alert(system: System, rule: AlertRule) -> str | None:
    """Return the metric that a rule watches: the one whose expression the rule's begins with.

    The longest serves where several do.
    """
    said = _plain(rule.expr)
    names = [name for name, metric in system.metrics.items() if said.startswith(_plain(metric.promql))]
    return max(names, key=lambda name: len(system.metrics[name].promql), default=None)


def symptom_of(system: System, finding: Finding) -> str | None:
    """Return the guide's symptom of a finding: the runbook of its metric."""
    name = metric_of_check(system, finding.check)
    return system.metrics[name].runbook if name else None


def _plain(expression: str) -> str:
    return "".join(expression.split())
