"""The check of one metric of the catalog: ask Prometheus as of the run's moment, compare, explain.

One range query covers the value and the time that the limits must hold. Its last point is the value; the
mildest point in a limit's time is the held value, as `min_over_time` (for `above`) or `max_over_time`
(for `below`) of a subquery would give it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from upkeep.catalog.models import Metric
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.limits import Bound, Verdict, bounds, judge, longest_minutes, sentence
from upkeep.checks.series import check_name, described, differing, keep_worst
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value

_MOST_POINTS_SHOWN = 12
_SAME_MOMENT = timedelta(seconds=0.5)
"""Prometheus keeps milliseconds, a run's moment microseconds."""
_NO_TRAFFIC = "the expression's value is not a number: no traffic, or a division by zero"


@dataclass(frozen=True)
class Line:
    """One series: its labels and its points in the time asked for, oldest first; gaps are left out."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime, float]]

    def value_at(self, at: datetime) -> float | None:
        """The value at `at`; none where there is no point."""
        near = (value for time, value in reversed(self.points) if abs(time - at) < _SAME_MOMENT)
        return next(near, None)


def step_of(minutes: float) -> timedelta:
    """Return the distance of points that shows whether a limit held for `minutes`.

    One a minute, at least five in all: finer than what is usually scraped tells nothing more. Whole
    milliseconds, so that the points meet the run's moment.
    """
    count = steps_in(minutes)
    return timedelta(milliseconds=max(1, math.floor(minutes * 60_000 / count)))


def steps_in(minutes: float) -> int:
    """Return how many steps make up `minutes`; there is one point more."""
    return max(5, min(120, math.ceil(minutes)))


def choose_metrics(context: CheckContext, names: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Return the metrics named, and those of the groups, each once, in the catalog's order.

    Raises ConfigurationError, with the known ones, if a name is not in the catalog or a group has no metric.
    """
    metrics = context.system.metrics
    named = choose(metrics, names, "metric") if names else {}
    by_group = {str(metric.group): metric for metric in metrics.values()}
    if groups:
        choose(by_group, groups, "metric group")
    return [name for name, metric in metrics.items() if name in named or metric.group in groups]


def metric_checks(
    context: CheckContext, names: Iterable[str], links: Mapping[str, Sequence[str]] | None = None
) -> list[Check]:
    """Return one check for each metric; `links` are shown in the evidence, by metric."""
    shown = _dashboards(context) if links is None else links
    return [metric_check(context, name, shown.get(name, ())) for name in names]


def metric_check(context: CheckContext, name: str, links: Sequence[str] = ()) -> Check:
    """Return the check of the metric `name` as of the run's moment."""
    metric = context.system.metrics[name]
    source = f"prometheus: {metric.promql}"

    def ask() -> list[Finding]:
        return _findings(context, name, metric, links)

    return Check(name=name, source=source, present=False, ask=ask)


def read_lines(context: CheckContext, expr: str, minutes: float) -> list[Line]:
    """Return the series of `expr` over the `minutes` up to the run's moment; 0 asks for the moment alone."""
    prometheus = context.clients.prometheus()
    if minutes <= 0:
        samples = prometheus.instant(expr, context.as_of)
        return [Line(sample.labels, [(context.as_of, sample.value)]) for sample in samples]
    step = step_of(minutes)
    # Counted back from the run's moment, so that the last point is that moment itself.
    series = prometheus.range(expr, context.as_of - steps_in(minutes) * step, context.as_of, step)
    return [Line(one.labels, one.points) for one in series]


def _findings(context: CheckContext, name: str, metric: Metric, links: Sequence[str]) -> list[Finding]:
    of = bounds(metric.warning, metric.critical)
    lines = read_lines(context, metric.promql, longest_minutes(of))
    current = [line for line in lines if line.value_at(context.as_of) is not None]
    if not current and metric.absent_is_zero:
        current = [Line(line.labels, [*line.points, (context.as_of, 0.0)]) for line in lines[:1]]
        current = current or [Line({}, [(context.as_of, 0.0)])]
    if not current:
        return [_no_data(context, name, metric, lines)]
    asker = _Asker(context, name, metric, of, links)
    told = differing([line.labels for line in current])
    return keep_worst(map(asker.finding, current, told), name)


@dataclass(frozen=True)
class _Asker:
    """What all series of a metric have in common."""

    context: CheckContext
    name: str
    metric: Metric
    of: Sequence[Bound]
    links: Sequence[str]

    def finding(self, line: Line, told: Mapping[str, str]) -> Finding:
        value = line.value_at(self.context.as_of)
        # Infinity is a division by nothing too: no number that could be kept or compared.
        number = value if value is not None and math.isfinite(value) else math.nan
        verdict = judge(number, self.of, lambda bound: self._held(bound, line))
        title = f"{self.metric.title}{described(told)}"
        unknown = verdict.state is State.UNKNOWN
        return Finding(
            check=check_name(self.name, told),
            state=verdict.state,
            summary=f"{title}: no value" if unknown else sentence(title, number, self.metric.unit, verdict),
            source=f"prometheus: {self.metric.promql}",
            observed_at=self.context.as_of,
            value=None if unknown else number,
            unit=self.metric.unit,
            limit=verdict.limit_text,
            limit_value=verdict.limit_value,
            reason=_NO_TRAFFIC if unknown else None,
            evidence=self._evidence(line, verdict),
            runbook=self.metric.runbook,
        )

    def _held(self, bound: Bound, line: Line) -> float:
        since = self.context.as_of - timedelta(minutes=bound.limit.for_minutes) - _SAME_MOMENT
        values = [value for at, value in line.points if at >= since]
        if self.metric.absent_is_zero and bound.limit.for_minutes:
            step = step_of(longest_minutes(self.of))
            expected = timedelta(minutes=bound.limit.for_minutes) // step + 1
            values += [0.0] * max(0, expected - len(values))
        return bound.mildest(values)

    def _evidence(self, line: Line, verdict: Verdict) -> dict[str, Any]:
        shown = line.points[-_MOST_POINTS_SHOWN:]
        evidence: dict[str, Any] = {
            "labels": dict(line.labels),
            "limits": [f"{bound.state}: {bound.limit.text}" for bound in self.of],
            "points": [[at.isoformat(), format_value(value, self.metric.unit)] for at, value in shown],
            "dashboards": list(self.links),
        }
        if verdict.bound and verdict.bound.limit.for_minutes:
            evidence["held"] = format_value(verdict.held, self.metric.unit)
        return {key: value for key, value in evidence.items() if value}


def _no_data(context: CheckContext, name: str, metric: Metric, lines: Sequence[Line]) -> Finding:
    last = max((line.points[-1][0] for line in lines if line.points), default=None)
    seen = f"; the last value is of {last.isoformat()}" if last else ""
    return Finding(
        check=name,
        state=State.UNKNOWN,
        summary=f"{metric.title}: no data",
        source=f"prometheus: {metric.promql}",
        observed_at=context.as_of,
        unit=metric.unit,
        reason=f"no series answers the expression at {context.as_of.isoformat()}{seen}: "
        "is the target scraped, and does the metric still have this name?",
        runbook=metric.runbook,
    )


def _dashboards(context: CheckContext) -> dict[str, list[str]]:
    links: dict[str, list[str]] = {}
    for dashboard in context.system.dashboards.values():
        for metric in dashboard.metrics:
            links.setdefault(metric, []).append(dashboard.url)
    return links
