"""Prometheus's HTTP API (and what speaks it: Thanos, Mimir, VictoriaMetrics)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self, TypeVar

from upkeep.clients.answers import aware, from_epoch, mapping, parse_json, require, safe_excerpt, text, texts
from upkeep.clients.endpoint import Answer, Endpoint, fetch, make_client, status_error
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError, UpkeepError

MAX_POINTS = 11_000
"""Points per series that Prometheus answers at most to one range query."""

MAX_QUERIES = 200
"""Range queries that one call is split into at most: 2.2 million points a series, 4 years by the minute."""

T = TypeVar("T")
Labels = Mapping[str, str]


class Point(NamedTuple):
    """One value of a series; NaN stays NaN."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Sample:
    """One series' value at a moment; NaN stays NaN, a scalar has no labels."""

    labels: Labels
    value: float
    at: datetime


@dataclass(frozen=True)
class Series:
    """One series' values over a period, oldest first. A moment without data has no point."""

    labels: Labels
    points: tuple[Point, ...]


@dataclass(frozen=True)
class AlertEpisode:
    """One time that an alert fired, exact to one step of the query that found it.

    labels: without the alert's name. first_seen: near the query's start if it began before that.
    last_seen: the query's end if it is still firing.
    """

    name: str
    labels: Labels
    first_seen: datetime
    last_seen: datetime
    still_firing: bool


class Result(list[T]):
    """The rows of an answer, with the warnings that the API gave (a partial answer, for example)."""

    def __init__(self, rows: Iterable[T] = (), warnings: Sequence[str] = ()) -> None:
        super().__init__(rows)
        self.warnings: tuple[str, ...] = tuple(dict.fromkeys(warnings))


class Prometheus:
    """A Prometheus server; safe to use from several threads. Close it, or use it in a `with`.

    Every query raises TemporaryError (unreachable, timed out, overloaded), ConfigurationError
    (bad PromQL, with Prometheus's own message; credentials refused) or BadAnswer (garbage).
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._client = make_client(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Prometheus({self.endpoint!r})"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def instant(self, expr: str, at: datetime) -> Result[Sample]:
        """Return the value of every series of `expr` at `at`; a scalar is one sample without labels."""
        data, warnings = self._query("query", {"query": expr, "time": _stamp(aware(at, "at"))})
        kind, result = data.get("resultType"), data.get("result")
        if kind == "scalar":
            return Result([_sample({}, result)], warnings)
        if kind != "vector":
            raise ConfigurationError(f"{self._name}: {expr!r} gives a {kind}, not one value a series")
        return Result([_sample(_labels(row), _plain(row, "value", expr)) for row in _rows(result)], warnings)

    def range(self, expr: str, start: datetime, end: datetime, step: timedelta) -> Result[Series]:
        """Return the values of every series of `expr` from `start` to `end`, both included, every `step`.

        A period of more points than Prometheus answers at once is asked for in parts.
        Raises ConfigurationError too if the step is below 1 ms or far too small for the period.
        """
        points: dict[tuple[tuple[str, str], ...], list[Point]] = {}
        warnings: list[str] = []
        for part_start, part_end in _parts(aware(start, "start"), aware(end, "end"), step):
            period = {
                "start": _stamp(part_start),
                "end": _stamp(part_end),
                "step": f"{step.total_seconds():.3f}",
            }
            data, more = self._query("query_range", {"query": expr, **period})
            warnings.extend(more)
            if data.get("resultType") != "matrix":
                raise BadAnswer(f"{self._name}: a range query answered a {data.get('resultType')}")
            for row in _rows(data.get("result")):
                values = require(_plain(row, "values", expr), list, "values")
                points.setdefault(tuple(sorted(_labels(row).items())), []).extend(map(_point, values))
        return Result([Series(dict(labels), tuple(values)) for labels, values in points.items()], warnings)

    def alerts_history(
        self, selector: str, start: datetime, end: datetime, step: timedelta
    ) -> Result[AlertEpisode]:
        """Return every time that an alert fired between `start` and `end`, resolved ones too, oldest first.

        selector: label matchers (`namespace="shop",severity=~"warning|critical"`), empty for all alerts.
        step: how exact the times are. An alert that began and ended between two steps is seen too;
        two episodes less than one step apart are one.
        """
        alerts = f'ALERTS{{alertstate="firing"{"," + selector if selector else ""}}}'
        milliseconds = step // timedelta(milliseconds=1)
        steps = math.ceil((end - start) / step)
        history = self.range(
            f"{alerts} or last_over_time({alerts}[{milliseconds}ms])",
            end - max(steps - 1, 0) * step,
            end,
            step,
        )
        firing = self.instant(alerts, end)
        now = {_identity(sample.labels) for sample in firing}
        episodes = [
            _episode(
                series.labels,
                run,
                still_firing=run[-1].at > end - step / 2 and _identity(series.labels) in now,
            )
            for series in history
            for run in _runs(series.points, step)
        ]
        episodes.sort(key=lambda e: (e.first_seen, e.name, sorted(e.labels.items())))
        return Result(episodes, (*history.warnings, *firing.warnings))

    def query_error(self, expr: str) -> str | None:
        """Return Prometheus's message if it cannot evaluate `expr`, None if it can."""
        try:
            self._query("query", {"query": expr})
        except ConfigurationError as e:
            return str(e)
        return None

    @property
    def _name(self) -> str:
        return f"Prometheus {self.endpoint.base_url}"

    def _query(self, kind: str, params: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """Return the data and the warnings that Prometheus answers."""
        # A whole number of milliseconds: older servers do not read a fraction.
        params = {**params, "timeout": f"{self.endpoint.timeout_seconds * 1000:.0f}ms"}
        answer = fetch(self._client, f"/api/v1/{kind}", params)
        error = _error(answer, self._name, params["query"])
        if error is not None:
            raise error
        body = mapping(parse_json(answer.body, answer.where), answer.where)
        if body.get("status") != "success":
            raise BadAnswer(f"{answer.where}: not an answer of Prometheus: {safe_excerpt(answer.body)!r}")
        warnings = [*(body.get("warnings") or ()), *(body.get("infos") or ())]
        return mapping(body.get("data"), f"{answer.where}: data"), [str(warning) for warning in warnings]


def _error(answer: Answer, name: str, expr: str) -> UpkeepError | None:
    """Return the error that an answer reports, None if it reports none."""
    if answer.status in {400, 422, 503}:
        try:
            body = mapping(parse_json(answer.body, answer.where), answer.where)
            kind, message = text(body, "errorType"), safe_excerpt(text(body, "error"))
        except BadAnswer:
            return status_error(answer.status, answer.where, answer.body)
        if kind in {"bad_data", "execution"}:
            return ConfigurationError(f"{name} cannot evaluate {expr!r}: {message}")
        if kind in {"timeout", "canceled"}:
            return TemporaryError(f"{name} gave up on {expr!r}: {message}")
    return status_error(answer.status, answer.where, answer.body)


def _stamp(at: datetime) -> str:
    """Return seconds since 1970, to the millisecond that Prometheus keeps."""
    return f"{at.timestamp():.3f}"


def _parts(start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Cut a period into parts of at most MAX_POINTS steps that overlap nowhere."""
    if step < timedelta(milliseconds=1):
        raise ConfigurationError(f"a step of {step} is below 1 ms")
    if end < start:
        raise ValueError(f"the period ends before it starts: {start.isoformat()} to {end.isoformat()}")
    last = (end - start) // step
    if last >= MAX_POINTS * MAX_QUERIES:
        raise ConfigurationError(f"a step of {step} is far too small for a period of {end - start}")
    for first in range(0, last + 1, MAX_POINTS):
        yield start + first * step, start + min(first + MAX_POINTS - 1, last) * step


def _rows(result: Any) -> list[dict[str, Any]]:
    return [mapping(row, "result") for row in require(result, list, "result")]


def _labels(row: Mapping[str, Any]) -> dict[str, str]:
    return texts(row.get("metric"), "metric")


def _plain(row: Mapping[str, Any], key: str, expr: str) -> Any:
    """Return what is under `key`, unless the row holds native histograms instead of numbers."""
    if "histogram" in row or "histograms" in row:
        raise ConfigurationError(f"{expr!r} gives native histograms: take histogram_quantile() of it")
    return row.get(key)


def _sample(labels: dict[str, str], pair: Any) -> Sample:
    point = _point(pair)
    return Sample(labels, point.value, point.at)


def _point(pair: Any) -> Point:
    """Read `[seconds, "value"]`."""
    at, value = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
    try:
        return Point(from_epoch(at, "result"), float(require(value, str, "result")))
    except ValueError as e:
        raise BadAnswer(f"result: not a number: {safe_excerpt(repr(value))}") from e


def _identity(labels: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in labels.items() if k not in {"__name__", "alertstate"}))


def _runs(points: Sequence[Point], step: timedelta) -> Iterator[list[Point]]:
    """Cut points into runs without a gap."""
    run: list[Point] = []
    for point in points:
        if run and point.at - run[-1].at > step * 1.5:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _episode(labels: Labels, run: Sequence[Point], *, still_firing: bool) -> AlertEpisode:
    rest = dict(_identity(labels))
    name = rest.pop("alertname", "")
    return AlertEpisode(name, rest, run[0].at, run[-1].at, still_firing)
