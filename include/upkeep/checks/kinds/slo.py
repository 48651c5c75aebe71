"""Service level objectives: the share of good events, now and over the objective's window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from upkeep.catalog.models.metrics import Slo
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.measured import Line
from upkeep.checks.objectives import good_share, one_line
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.findings import Finding, State
from upkeep.findings.units import format_against, format_value


class SloParameters(Parameters):
    """Which objectives."""

    slos: tuple[str, ...] = ()
    """Names of the system's objectives; by default all."""


@register("slo", reads=Reads.HISTORY, parameters=SloParameters)
def slo(context: CheckContext, parameters: SloParameters) -> Iterable[Check]:
    """Objectives: below target for the alert's time is critical; missed over the window, a warning.

    The window's finding is a warning because what has passed cannot be mended; it says how much of the
    error budget is left.
    """
    for name, objective in choose(context.system.slos, parameters.slos, "objective").items():
        recent = _Question(context, f"slo_{name}", objective)
        yield Check(name=recent.check, source=recent.source, present=False, ask=recent.ask_recent)
        window = _Question(context, f"slo_{name}_window", objective)
        yield Check(name=window.check, source=window.source, present=False, ask=window.ask_window)


@dataclass(frozen=True)
class _Question:
    """One objective as of one moment."""

    context: CheckContext
    check: str
    objective: Slo

    @property
    def source(self) -> str:
        return f"prometheus: ({self.objective.good}) / ({self.objective.total})"

    def ask_recent(self) -> Finding:
        """Return whether the share was below the target for the whole of the alert's time."""
        minutes, target = self.objective.alert_for_minutes, self.objective.target_ratio
        good = one_line(self.context, self.objective.good, minutes)
        total = one_line(self.context, self.objective.total, minutes)
        count = total.value_at(self.context.as_of) if total else None
        if total is None or count is None:
            return self._unknown("no data: the total has no value")
        if not count > 0:
            return self._unknown("no traffic: there are no events to be good or bad")
        shares = [_good_at(good, at) / value for at, value in total.points if value > 0]
        held = max(shares)
        state = State.CRITICAL if held < target else State.OK
        limit = f"< {format_value(target, 'ratio')} for {minutes:g} min"
        verdict = "beyond the limit" if shares[-1] < target else "within the limit"
        waiting = "" if (shares[-1] < target) == (state is State.CRITICAL) else " but not yet for its time"
        return Finding(
            **self._common(shares[-1], limit),
            state=state,
            summary=f"{self.objective.title}: {self._written(shares[-1])} good, {verdict} {limit}{waiting}",
            evidence={
                "best_in_time": format_value(held, "ratio"),
                "measurement": self.objective.measurement,
            },
        )

    def ask_window(self) -> Finding:
        """Return the share over the objective's window and what is left of the error budget."""
        days, target = self.objective.window_days, self.objective.target_ratio
        found = good_share(self.context, self.objective, timedelta(days=days))
        if isinstance(found, str):
            return self._unknown(found)
        share = found.ratio
        left = _budget_left(share, target)
        return Finding(
            **self._common(share, f"< {format_value(target, 'ratio')} over {days} d"),
            state=State.WARNING if share < target else State.OK,
            summary=f"{self.objective.title}: {self._written(share)} good over {days} d, "
            f"{format_value(max(left, 0.0), 'ratio')} of the error budget left",
            evidence={
                "error_budget_left_ratio": left,
                "days_with_data": found.days_with_data,
                "measurement": self.objective.measurement,
            },
        )

    def _written(self, share: float) -> str:
        return format_against(share, self.objective.target_ratio, "ratio")

    def _common(self, share: float | None, limit: str | None) -> dict[str, Any]:
        return {
            "check": self.check,
            "source": self.source,
            "observed_at": self.context.as_of,
            "value": share,
            "unit": "ratio",
            "limit": limit,
            "limit_value": self.objective.target_ratio,
        }

    def _unknown(self, reason: str) -> Finding:
        return Finding(
            **self._common(None, None),
            state=State.UNKNOWN,
            summary=f"{self.objective.title}: not known",
            reason=reason,
        )


def _good_at(good: Line | None, at: datetime) -> float:
    """Return the good events; where there are events but none of them good, that is none, not a gap."""
    return (good.value_at(at) if good else None) or 0.0


def _budget_left(share: float, target: float) -> float:
    """Return the part of the error budget that is left: 1 is all of it, below 0 is overspent.

    >>> _budget_left(0.9995, 0.999)
    0.5
    """
    allowed = 1 - target
    if allowed <= 0:
        return float(share >= 1)
    return round(1 - (1 - share) / allowed, 6)
