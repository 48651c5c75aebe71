"""The numbers that people would look at on the dashboards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.measured import metric_checks
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding


class DashboardsParameters(Parameters):
    """Which dashboards."""

    dashboards: tuple[str, ...] = ()
    """Names of the system's dashboards; by default all."""


@register("dashboards", reads=Reads.HISTORY, parameters=DashboardsParameters)
def dashboards(context: CheckContext, parameters: DashboardsParameters) -> Iterable[Check]:
    """The metrics behind the dashboards against their limits, each dashboard linked in the evidence.

    A metric on several dashboards is asked once.
    """
    chosen = choose(context.system.dashboards, parameters.dashboards, "dashboard")
    links: dict[str, list[str]] = {}
    for dashboard in chosen.values():
        for metric in dashboard.metrics:
            links.setdefault(metric, []).append(dashboard.url)
    behind = choose(context.system.metrics, list(links), "metric") if links else {}
    empty = [_empty(name, dashboard.url) for name, dashboard in chosen.items() if not dashboard.metrics]
    return [*metric_checks(context, behind, links), *empty]


def _empty(name: str, url: str) -> Check:
    def ask() -> Sequence[Finding]:
        raise ConfigurationError(f"the catalog names no metric behind the dashboard {name}; add its metrics")

    return Check(name=f"dashboard{{name={name}}}", source=url, present=False, ask=ask)
