"""Security alerts since the last review, and the numbers that speak of attacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from upkeep.checks.alerts import alerts_check
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.measured import choose_metrics, metric_checks
from upkeep.checks.registry import Parameters, Reads, register

if TYPE_CHECKING:
    from upkeep.clients.prometheus import AlertEpisode


class SecurityAlertsParameters(Parameters):
    """Which alerts and metrics."""

    issue_types: tuple[str, ...] = ("security",)
    """Alert rules of these issue types, and alerts that carry the label `issue_type` with one of them."""
    label_filter: Mapping[str, str] = Field(default_factory=dict)
    """Labels that an alert must carry; by default `system` with the system's id."""
    metrics: tuple[str, ...] = ()
    """Names of the system's metrics that speak of security."""
    groups: tuple[str, ...] = ()
    """Groups of metrics, such as security."""


@register("security_alerts", reads=Reads.HISTORY, parameters=SecurityAlertsParameters)
def security_alerts(context: CheckContext, parameters: SecurityAlertsParameters) -> Iterable[Check]:
    """Security alerts since the last review, resolved ones too, and security metrics."""

    def wanted(episode: AlertEpisode) -> bool:
        rule = context.system.alerts.get(episode.name)
        issue_type = rule.issue_type if rule else episode.labels.get("issue_type")
        return issue_type in parameters.issue_types

    labels = parameters.label_filter or {"system": context.system_id}
    metrics = choose_metrics(context, parameters.metrics, parameters.groups)
    return [alerts_check(context, labels, wanted), *metric_checks(context, metrics)]
