"""The gate between two steps of traffic: what Prometheus says of the time since, against the limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from upkeep.catalog.models import Metric
from upkeep.checks.limits import Bound, bounds
from upkeep.checks.measured import step_of, steps_in
from upkeep.clients.prometheus import Point, Prometheus, Series
from upkeep.errors import ConfigurationError, UpkeepError
from upkeep.findings.units import format_against, format_value

_HALF = 0.5


@dataclass(frozen=True)
class Seen:
    """What a gate has seen of a time. past: values past a limit. unknown: what there is no value of."""

    past: Sequence[str]
    unknown: Sequence[str]
    values: Mapping[str, str]

    @property
    def problems(self) -> list[str]:
        """Why the gate does not open once the time is over."""
        return [*self.past, *self.unknown]


@dataclass(frozen=True)
class Gate:
    """Metrics of the catalog, none of whose values may be past a limit, whatever its `for_minutes`.

    A value that is not there is not within the limits either.
    """

    prometheus: Prometheus
    metrics: Mapping[str, Metric]

    def limits(self) -> dict[str, list[str]]:
        """Return the limits of each metric, as people read them. Raises ConfigurationError for none."""
        found = {name: [b.limit.text for b in _bounds(one)] for name, one in self.metrics.items()}
        without = [name for name, limits in found.items() if not limits]
        if without:
            raise ConfigurationError(f"{', '.join(without)} has no limit in the catalog: nothing to judge by")
        return found

    def values(self, at: datetime) -> list[str]:
        """Return a sentence on the value of each metric at a moment."""
        return [self._value(one, at) for one in self.metrics.values()]

    def look(self, since: datetime, until: datetime) -> Seen:
        """Return what the metrics were from one moment to another."""
        past: list[str] = []
        unknown: list[str] = []
        values: dict[str, str] = {}
        for name, metric in self.metrics.items():
            minutes = (until - since).total_seconds() / 60
            step = step_of(minutes)
            start = until - steps_in(minutes) * step
            try:
                lines = self.prometheus.range(metric.promql, start, until, step)
            except UpkeepError as e:
                unknown.append(f"{metric.title} is not known: {e}")
                continue
            past += _past(metric, lines)
            if gap := _gap(metric, lines, [start + n * step for n in range(steps_in(minutes) + 1)]):
                unknown.append(gap)
            values[name] = _span(metric, lines)
        return Seen(past, unknown, values)

    def _value(self, metric: Metric, at: datetime) -> str:
        try:
            found = [one.value for one in self.prometheus.instant(metric.promql, at)]
        except UpkeepError as e:
            return f"{metric.title} is not known now: {e}"
        known = [format_value(value, metric.unit) for value in found if math.isfinite(value)]
        return f"{metric.title} now: {', '.join(known) or 'no value'}"


def _bounds(metric: Metric) -> list[Bound]:
    return bounds(metric.warning, metric.critical)


def _past(metric: Metric, lines: Sequence[Series]) -> Iterator[str]:
    """Yield the worst value past each limit, of all series."""
    points = [point for line in lines for point in line.points if math.isfinite(point.value)]
    for bound in _bounds(metric):
        beyond = [point for point in points if bound.crossed_by(point.value)]
        if beyond:
            worst: Point = (max if bound.is_above else min)(beyond, key=lambda point: point.value)
            sign = ">" if bound.is_above else "<"
            limit = format_value(bound.value, metric.unit)
            value = format_against(worst.value, bound.value, metric.unit)
            yield f"{metric.title} was {value} at {worst.at:%H:%M:%S} UTC, limit {sign} {limit}"


def _gap(metric: Metric, lines: Sequence[Series], wanted: Sequence[datetime]) -> str | None:
    """Return what is not known: a moment without any value, or a series whose value is no number."""
    points = [point for line in lines for point in line.points]
    odd = [point.at for point in points if not math.isfinite(point.value)]
    if odd:
        return f"{metric.title} has no value at {min(odd):%H:%M:%S} UTC: no traffic, or a division by zero"
    near = timedelta(seconds=_HALF)
    missing = [at for at in wanted if not any(abs(point.at - at) < near for point in points)]
    if missing and not metric.absent_is_zero:
        return f"{metric.title} has no data at {missing[0]:%H:%M:%S} UTC ({len(missing)} of {len(wanted)})"
    return None


def _span(metric: Metric, lines: Sequence[Series]) -> str:
    values = [point.value for line in lines for point in line.points if math.isfinite(point.value)]
    if not values:
        return "no value"
    return f"{format_value(min(values), metric.unit)} to {format_value(max(values), metric.unit)}"
