"""Whether a system is well: its numbers, its health end points, its workload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import model_validator

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.endpoints import endpoint_checks
from upkeep.checks.measured import choose_metrics, metric_checks
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.workload import node_check, workload_checks


class HealthParameters(Parameters):
    """What is looked at."""

    metrics: tuple[str, ...] = ()
    """Names of the system's metrics (history)."""
    groups: tuple[str, ...] = ()
    """Groups of metrics (history)."""
    endpoints: tuple[str, ...] = ()
    """Names of the system's health end points (the present)."""
    workload: bool = False
    """Deployments, daemon sets, stateful sets, crash loops and failed jobs (the present)."""
    nodes: bool = False
    """The cluster's nodes (the present)."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.metrics or self.groups or self.endpoints or self.workload or self.nodes):
            raise ValueError("give at least one of metrics, groups, endpoints, workload, nodes")
        return self


@register("health", reads=Reads.BOTH, parameters=HealthParameters)
def health(context: CheckContext, parameters: HealthParameters) -> Iterable[Check]:
    """Health: metrics as of the run, and end points, workload and nodes as they are now."""
    metrics = choose_metrics(context, parameters.metrics, parameters.groups)
    found = [*metric_checks(context, metrics), *endpoint_checks(context, parameters.endpoints)]
    if parameters.workload:
        found += workload_checks(context)
    if parameters.nodes:
        found.append(node_check(context))
    return found
