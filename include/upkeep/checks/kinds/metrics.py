"""The numbers of the catalog against their limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import model_validator

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.measured import choose_metrics, metric_checks
from upkeep.checks.registry import Parameters, Reads, register


class MetricsParameters(Parameters):
    """Which metrics; by name, by group, or both."""

    metrics: tuple[str, ...] = ()
    """Names of the system's metrics."""
    groups: tuple[str, ...] = ()
    """Groups of metrics: application, infrastructure, database, cache, queue, business."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.metrics and not self.groups:
            raise ValueError("give metrics, groups or both")
        return self


@register("metrics", reads=Reads.HISTORY, parameters=MetricsParameters)
def metrics(context: CheckContext, parameters: MetricsParameters) -> Iterable[Check]:
    """Metrics from Prometheus against the catalog's limits, one finding for each series."""
    return metric_checks(context, choose_metrics(context, parameters.metrics, parameters.groups))
