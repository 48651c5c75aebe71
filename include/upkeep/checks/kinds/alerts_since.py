"""The alerts that fired since the last review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from upkeep.checks.alerts import alerts_check
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register


class AlertsSinceParameters(Parameters):
    """Which alerts."""

    label_filter: Mapping[str, str] = Field(default_factory=dict)
    """Labels that an alert must carry; by default `system` with the system's id."""


@register("alerts_since", reads=Reads.HISTORY, parameters=AlertsSinceParameters)
def alerts_since(context: CheckContext, parameters: AlertsSinceParameters) -> Iterable[Check]:
    """Alerts since the last review: one finding for each that fired, and one that counts them.

    Still firing: critical if its severity is P0 or P1, else a warning. Resolved: a warning if it was P0 or
    P1, for somebody must find out why, else ok.
    """
    labels = parameters.label_filter or {"system": context.system_id}
    return [alerts_check(context, labels, lambda _episode: True)]
