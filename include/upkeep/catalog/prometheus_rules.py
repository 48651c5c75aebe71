"""A system's alert rules as Prometheus reads them; operators load the same file into their own Prometheus."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from upkeep.catalog.models import System
from upkeep.catalog.models.metrics import AlertRule


def rule_groups(system_id: str, system: System) -> list[dict[str, Any]]:
    """Return the rule groups of a system; none if it has no alerts.

    Labels: system, severity (the guide's own word), owner (who is paged first), issue_type.
    Annotations: summary, description, runbook.
    """
    if not system.alerts:
        return []
    rules = [_rule(system_id, system, name, rule) for name, rule in system.alerts.items()]
    return [{"name": f"{system_id}-alerts", "rules": rules}]


def rules_yaml(groups: list[dict[str, Any]]) -> str:
    """Return rule groups as the text of a Prometheus rule file."""
    yaml = YAML()
    yaml.width = 110
    out = io.StringIO()
    yaml.dump({"groups": groups}, out)
    return out.getvalue()


def alert_labels(system_id: str, system: System, rule: AlertRule) -> Mapping[str, str]:
    """Return the labels that the rule adds to its alerts."""
    return {
        "system": system_id,
        "severity": rule.label,
        "owner": first_paged(system, rule.issue_type),
        "issue_type": rule.issue_type,
    }


def first_paged(system: System, issue_type: str) -> str:
    """Return the owner on the first level of the chain that serves the issue type."""
    escalation = system.escalation
    chain = escalation.by_issue_type.get(issue_type, escalation.default_chain)
    return escalation.chains[chain].levels[0].owner


def _rule(system_id: str, system: System, name: str, rule: AlertRule) -> dict[str, Any]:
    annotations = {"summary": rule.summary, "description": rule.description, "runbook": rule.runbook}
    written: dict[str, Any] = {"alert": name, "expr": rule.expr}
    if rule.for_minutes:
        written["for"] = f"{round(rule.for_minutes * 60)}s"
    written["labels"] = dict(alert_labels(system_id, system, rule))
    written["annotations"] = {key: text for key, text in annotations.items() if text}
    return written
