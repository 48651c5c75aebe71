"""The share of good events of an objective over a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from upkeep.catalog.models.metrics import Slo
from upkeep.checks.context import CheckContext
from upkeep.checks.measured import Line, read_lines
from upkeep.errors import BadAnswer

STEP = timedelta(minutes=5)
"""The usual range of a rate: every event is in exactly one step."""


@dataclass(frozen=True)
class GoodShare:
    """ratio: of all events, the good ones. days_with_data: how much of the time has data at all."""

    ratio: float
    days_with_data: float


def good_share(context: CheckContext, objective: Slo, over: timedelta) -> GoodShare | str:
    """Return the share over the time up to the run's moment, or why there is none."""
    span = f"[{over.total_seconds():.0f}s:{STEP.total_seconds():.0f}s]"
    good, total = (
        one_line(context, f"sum_over_time(({expr}){span})") for expr in (objective.good, objective.total)
    )
    points = one_line(context, f"count_over_time(({objective.total}){span})")
    if total is None or points is None:
        return "no data: the total has no value in the window"
    count = total.points[-1][1]
    if not count > 0:
        return "no traffic: there were no events in the window"
    # Where there are events but none of them good, that is none, not a gap.
    ratio = (good.points[-1][1] if good else 0.0) / count
    return GoodShare(ratio, round(points.points[-1][1] * (STEP / timedelta(days=1)), 2))


def one_line(context: CheckContext, expr: str, minutes: float = 0) -> Line | None:
    """Return the one series of an expression, None without data. Raises BadAnswer where there are several."""
    lines = read_lines(context, expr, minutes)
    if len(lines) > 1:
        raise BadAnswer(f"{expr} has {len(lines)} series where an objective needs one: sum it")
    return lines[0] if lines else None
