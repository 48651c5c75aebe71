"""What a use of a procedure looks at: the catalog's entries that its parameters name, or take by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upkeep.catalog.models import System

SECTIONS = {
    "metrics": "metrics",
    "dashboards": "dashboards",
    "slos": "slos",
    "rules": "alerts",
    "policies": "backups",
    "tls": "tls",
    "endpoints": "health",
}
"""A parameter that lists names → the section of the catalog that defines them."""

_SECTIONS_OF_KIND = {("certificates", "endpoints"): "tls"}
_ALL_BY_DEFAULT = {
    "dashboards": "dashboards",
    "slo": "slos",
    "alert_rules": "rules",
    "backup_status": "policies",
    "certificates": "endpoints",
}
"""A kind → the parameter that means all entries when it is left out."""


def section_of(kind: str, parameter: str) -> str | None:
    """Return the catalog's section whose names this parameter lists, or None."""
    return _SECTIONS_OF_KIND.get((kind, parameter)) or SECTIONS.get(parameter)


def looked_at(system: System, kind: str, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the entries that a use looks at, by section, in the catalog's order.

    What is named but not defined is left out: the check of the catalog has said so.
    """
    named: dict[str, list[str]] = {}
    for parameter in {**dict.fromkeys(parameters), **dict.fromkeys(_default(kind))}:
        if section := section_of(kind, parameter):
            entries = getattr(system, section)
            wanted = parameters.get(parameter) or _default(kind, parameter, entries)
            named.setdefault(section, []).extend(name for name in entries if name in wanted)
    groups = parameters.get("groups") or ()
    by_group = [name for name, metric in system.metrics.items() if metric.group in groups]
    behind = [name for board in named.get("dashboards", ()) for name in system.dashboards[board].metrics]
    metrics = {*named.get("metrics", ()), *by_group, *behind}
    return {**named, "metrics": [name for name in system.metrics if name in metrics]}


def _default(kind: str, parameter: str | None = None, entries: Mapping[str, Any] | None = None) -> list[str]:
    """Return the parameter that means all when left out, or, asked for that one, all its entries."""
    all_of = _ALL_BY_DEFAULT.get(kind)
    if entries is None:
        return [all_of] if all_of else []
    return list(entries) if parameter == all_of else []
