"""How much a system uses of what it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.database import DatabaseLimits, database_checks
from upkeep.checks.measured import choose_metrics, metric_checks
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.usage import UsageLimits, node_usage_check, pod_usage_check

Share = Annotated[float, Field(gt=0, le=1)]


class ResourceUsageParameters(Parameters):
    """What is looked at, and the limits of what has none in the catalog."""

    metrics: tuple[str, ...] = ()
    """Names of the system's metrics (history)."""
    groups: tuple[str, ...] = ()
    """Groups of metrics (history)."""
    pods: bool = False
    """The pods' usage against their limits (the present)."""
    nodes: bool = False
    """The nodes' usage against what they can give (the present)."""
    database: Literal["mysql", "postgres"] | None = None
    """The database: connections, slow queries, replication, size and growth (the present)."""
    cpu_warn_ratio: Share = 0.8
    """A pod or node that uses more of its CPU is a warning."""
    memory_warn_ratio: Share = 0.8
    """A pod or node that uses more of its memory is a warning."""
    memory_critical_ratio: Share = 0.9
    """A pod or node that uses more of its memory is critical."""
    connections_warn_ratio: Share = 0.8
    """A larger share of the database's connections in use is a warning."""
    connections_critical_ratio: Share = 0.95
    """A larger share of the database's connections in use is critical."""
    lag_warn_seconds: float = Field(default=60, gt=0)
    """A replica further behind is a warning."""
    lag_critical_seconds: float = Field(default=600, gt=0)
    """A replica further behind is critical."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.metrics or self.groups or self.pods or self.nodes or self.database):
            raise ValueError("give at least one of metrics, groups, pods, nodes, database")
        return self


@register("resource_usage", reads=Reads.BOTH, parameters=ResourceUsageParameters)
def resource_usage(context: CheckContext, parameters: ResourceUsageParameters) -> Iterable[Check]:
    """Resource usage: metrics as of the run; pods, nodes and the database as they are now."""
    found = metric_checks(context, choose_metrics(context, parameters.metrics, parameters.groups))
    usage = UsageLimits(
        parameters.cpu_warn_ratio, parameters.memory_warn_ratio, parameters.memory_critical_ratio
    )
    if parameters.pods:
        found.append(pod_usage_check(context, usage))
    if parameters.nodes:
        found.append(node_usage_check(context, usage))
    if parameters.database:
        limits = DatabaseLimits(
            parameters.connections_warn_ratio,
            parameters.connections_critical_ratio,
            parameters.lag_warn_seconds,
            parameters.lag_critical_seconds,
        )
        found += database_checks(context, parameters.database, limits)
    return found
