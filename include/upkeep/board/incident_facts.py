"""The facts of an incident as its page lists them: foreign text cleaned, secrets masked, links checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from upkeep.board.incident_words import span, when
from upkeep.findings.units import format_value
from upkeep.paging.view import clean, safe_facts
from upkeep.reports.build import is_link

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.ledger.incident_tables import Incident

_SHOWN_ELSEWHERE = {"value", "limit", "unit", "runbook", "dashboard", "dag_id", "run_id"}


@dataclass(frozen=True)
class Fact:
    """One line of facts; with an address it is a link."""

    label: str
    text: str
    href: str | None = None


def facts_of(row: Incident, system: System | None, now: datetime) -> list[Fact]:
    """Return an incident's facts in the order in which a person asks for them; the rest as they are."""
    facts = [
        Fact("Kind", row.issue_type.replace("_", " ") + (f", {row.symptom}" if row.symptom else "")),
        Fact("Since", f"{when(row.began_at)}, {span(now - row.began_at)} ago"),
        Fact("Seen", f"{row.signals} times, last {when(row.last_signal_at)}" if row.signals > 1 else "once"),
    ]
    if row.acknowledged_at:
        facts.append(Fact("Acknowledged", f"by {row.acknowledged_by}, {when(row.acknowledged_at)}"))
    if row.resolved_at:
        facts.append(Fact("Resolved", f"by {row.resolved_by}, {when(row.resolved_at)}"))
    if row.quiet:
        facts.append(Fact("Maintenance window", clean(row.quiet, 200)))
    if row.storm_id:
        facts.append(Fact("Part of", f"storm {row.storm_id}", str(row.storm_id)))
    facts += _measured(row.facts)
    facts += _links(row.facts, system)
    facts += _run(row.facts)
    rest = {name: value for name, value in row.facts.items() if name not in _SHOWN_ELSEWHERE}
    return facts + [Fact(_label(name), value) for name, value in safe_facts(rest).items()]


def _measured(facts: Mapping[str, Any]) -> list[Fact]:
    value, unit = facts.get("value"), facts.get("unit")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = format_value(float(value), str(unit) if unit else None)
    shown = [Fact("Value", clean(value, 200))] if value is not None else []
    return [*shown, *([Fact("Limit", clean(facts["limit"], 200))] if facts.get("limit") else [])]


def _links(facts: Mapping[str, Any], system: System | None) -> list[Fact]:
    """Return runbook and dashboard: the catalog's own runbook is further down on the page."""
    shown = []
    for name in ("runbook", "dashboard"):
        target = str(facts.get(name) or "")
        if name == "runbook" and system and target in system.runbooks:
            shown.append(Fact("Runbook", system.runbooks[target].title, "#runbook"))
        elif target:
            shown.append(Fact(_label(name), clean(target, 300), target if is_link(target) else None))
    return shown


def _run(facts: Mapping[str, Any]) -> list[Fact]:
    """Return the run, linked to Airflow's own page of it, which is beside the board's folder."""
    dag_id, run_id = facts.get("dag_id"), facts.get("run_id")
    if not dag_id:
        return []
    address = f"../../dags/{quote(str(dag_id), safe='')}"
    if not run_id:
        return [Fact("DAG", str(dag_id), address)]
    return [Fact("Run", f"{dag_id} {run_id}", f"{address}/runs/{quote(str(run_id), safe='')}")]


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
