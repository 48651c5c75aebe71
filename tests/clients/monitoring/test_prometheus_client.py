"""The Prometheus client against real Prometheus servers, and against answers that no Prometheus gives."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.clients.endpoint import Endpoint
from upkeep.clients.prometheus import MAX_POINTS, Prometheus, _parts
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError

START = datetime(2025, 6, 10, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def history(past):
    with Prometheus(Endpoint(past)) as client:
        yield client


@pytest.fixture
def fake(web):
    with Prometheus(Endpoint(web.url, timeout_seconds=1)) as client:
        yield client


@pytest.mark.integration
class TestHistory:
    def test_series_are_kept_apart(self, history):
        samples = history.instant("sum by (code) (rate(requests_total[10m]))", START + HOUR)
        assert {s.labels["code"]: round(s.value, 6) for s in samples} == {"200": 1.0, "500": 0.1}
        assert {s.at for s in samples} == {START + HOUR}
        assert samples.warnings == ()

    def test_the_value_is_that_of_the_moment(self, history):
        for minutes in (10, 200):
            [sample] = history.instant("minute", START + minutes * MINUTE)
            assert (sample.value, sample.labels["job"]) == (minutes, "api")

    def test_a_scalar_has_no_labels(self, history):
        [sample] = history.instant("scalar(minute) + 1", START + HOUR)
        assert (sample.value, dict(sample.labels), sample.at) == (61, {}, START + HOUR)

    def test_no_data_is_no_sample(self, history):
        assert history.instant("minute", START - HOUR) == []
        assert history.instant("no_such_metric", START) == []

    def test_nan_and_infinity_stay(self, history):
        assert math.isnan(history.instant("undefined", START + HOUR)[0].value)
        assert math.isnan(history.instant("minute * 0 / 0", START + HOUR)[0].value)
        assert history.instant("minute / 0", START + HOUR)[0].value == math.inf

    def test_a_range_has_a_point_for_each_step(self, history):
        [series] = history.range("minute", START + HOUR, START + 2 * HOUR, MINUTE)
        assert [p.value for p in series.points] == list(range(60, 121))
        assert [p.at for p in series.points] == [START + HOUR + n * MINUTE for n in range(61)]

    def test_a_gap_stays_a_gap(self, history):
        [series] = history.range("gap", START + HOUR, START + 3 * HOUR, MINUTE)
        assert series.points[0].at == START + HOUR
        assert START + HOUR + 30 * MINUTE not in {p.at for p in series.points}

    def test_more_points_than_one_query_gives_are_put_together(self, history):
        [series] = history.range("minute", START, START + 4 * HOUR, SECOND)
        assert len(series.points) == 4 * 3600 + 1 > MAX_POINTS
        assert [p.at for p in series.points] == [START + n * SECOND for n in range(4 * 3600 + 1)]
        assert [p.value for p in series.points] == [n // 60 for n in range(4 * 3600 + 1)]

    @pytest.mark.parametrize("expr", ["sum by (", "rate(minute)", "minute[5m]", "'text'", "nonsense(1)"])
    def test_bad_promql_is_a_configuration_error(self, history, expr):
        with pytest.raises(ConfigurationError):
            history.instant(expr, START)

    def test_bad_promql_says_what_prometheus_says(self, history):
        assert "unclosed left parenthesis" in history.query_error("sum by (")
        assert history.query_error("sum(minute)") is None
        with pytest.raises(ConfigurationError, match="duplicate series"):
            history.instant("requests_total * on (job) requests_total", START + HOUR)

    def test_alerts_of_the_past_are_episodes(self, history):
        """The past has no marks of an alert's end, so Prometheus sees it up to 5 minutes longer."""
        found = history.alerts_history('system="shop"', START, START + 4 * HOUR, MINUTE)
        assert [(e.name, dict(e.labels)) for e in found] == [("Old", {"system": "shop", "pod": "a"})] * 2
        first, last = found
        assert first.first_seen == START + 30 * MINUTE
        assert 50 * MINUTE <= first.last_seen - START <= 56 * MINUTE
        assert not first.still_firing
        assert (last.first_seen, last.last_seen, last.still_firing) == (
            START + 200 * MINUTE,
            START + 4 * HOUR,
            True,
        )

    def test_alerts_without_a_selector_are_all_alerts(self, history):
        found = history.alerts_history("", START, START + 4 * HOUR, 5 * MINUTE)
        assert [e.labels["pod"] for e in found] == ["b", "a", "a"]

    def test_an_alert_between_two_steps_is_seen(self, history):
        found = history.alerts_history('system="shop"', START, START + 2 * HOUR, HOUR)
        assert len(found) == 1
        assert not found[0].still_firing

    def test_no_alerts_are_no_episodes(self, history):
        assert history.alerts_history('system="nobody"', START, START + HOUR, MINUTE) == []
        with pytest.raises(ConfigurationError):
            history.alerts_history('system="', START, START + HOUR, MINUTE)


@pytest.mark.integration
def test_alerts_that_come_and_go_are_told_apart(alerting, eventually):
    began = datetime.now(UTC)
    with Prometheus(Endpoint(alerting.prometheus)) as client:

        def episodes():
            found = client.alerts_history('system="shop"', began - MINUTE, datetime.now(UTC), SECOND)
            return (
                found if len([e for e in found if e.name == "Flapping" and not e.still_firing]) >= 2 else []
            )

        found = eventually(episodes, "two episodes", 60)
    broken = [e for e in found if e.name == "Broken"]
    flapping = [e for e in found if e.name == "Flapping"]
    assert [(e.still_firing, e.labels["severity"]) for e in broken] == [(True, "critical")]
    assert all(a.last_seen < b.first_seen for a, b in pairwise(flapping))
    assert all(e.last_seen - e.first_seen <= 5 * SECOND for e in flapping)


@given(
    st.integers(0, 100_000),
    st.integers(1, 3_600_000),
    st.integers(0, 3600),
)
def test_parts_cover_every_step_once(steps, milliseconds, rest):
    step = timedelta(milliseconds=milliseconds)
    end = START + steps * step + step * rest / 3601
    parts = list(_parts(START, end, step))
    assert parts[0][0] == START
    assert parts[-1][1] == START + (end - START) // step * step
    assert all(later[0] - earlier[1] == step for earlier, later in pairwise(parts))
    assert all((last - first) // step < MAX_POINTS for first, last in parts)


def test_impossible_periods_are_refused():
    with pytest.raises(ConfigurationError, match="below 1 ms"):
        list(_parts(START, START, timedelta(0)))
    with pytest.raises(ConfigurationError, match="too small"):
        list(_parts(START, START + 1000 * HOUR, timedelta(milliseconds=1)))
    with pytest.raises(ValueError, match="before it starts"):
        list(_parts(START, START - HOUR, HOUR))


def test_a_time_without_a_zone_is_refused(fake):
    with pytest.raises(ValueError, match="time zone"):
        fake.instant("up", datetime(2025, 1, 1))  # noqa: DTZ001


def answer(kind, result, **more):
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more})


def test_warnings_are_kept_even_of_an_empty_answer(web, fake):
    web.says("/api/v1/query", answer("vector", [], warnings=["store b unavailable"], infos=["i"]))
    assert fake.instant("up", START).warnings == ("store b unavailable", "i")
    web.says("/api/v1/query_range", answer("matrix", [], warnings=["partial"]))
    assert fake.range("up", START, START + 24 * HOUR, SECOND).warnings == ("partial",)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        '{"status": "success"}',
        '{"status": "success", "data": []}',
        answer("vector", {}),
        answer("vector", [1]),
        answer("vector", [{"metric": {}, "value": [1]}]),
        answer("vector", [{"metric": {}, "value": [1, "much"]}]),
        answer("vector", [{"metric": {}, "value": ["x", "1"]}]),
        answer("vector", [{"metric": {}, "value": [1e300, "1"]}]),
        answer("vector", [{"metric": {"a": 1}, "value": [1, "1"]}]),
        answer("scalar", "1"),
    ],
)
def test_garbage_is_a_bad_answer(web, fake, body):
    web.says("/api/v1/query", body)
    with pytest.raises(BadAnswer):
        fake.instant("up", START)


def test_native_histograms_are_refused_with_advice(web, fake):
    web.says("/api/v1/query", answer("vector", [{"metric": {}, "histogram": [1, {}]}]))
    with pytest.raises(ConfigurationError, match="histogram_quantile"):
        fake.instant("latency", START)


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (503, "timeout", TemporaryError),
        (503, "canceled", TemporaryError),
        (422, "execution", ConfigurationError),
        (400, "bad_data", ConfigurationError),
        (500, "internal", TemporaryError),
    ],
)
def test_errors_that_prometheus_reports(web, fake, status, kind, error):
    web.says("/api/v1/query", json.dumps({"status": "error", "errorType": kind, "error": "so it is"}), status)
    with pytest.raises(error, match="so it is"):
        fake.instant("up", START)


def test_a_proxy_that_is_down_is_temporary(web, fake):
    web.says("/api/v1/query", "<html>no upstream</html>", 503)
    with pytest.raises(TemporaryError, match="no upstream"):
        fake.instant("up", START)


def test_the_repr_names_the_server_only():
    with Prometheus(Endpoint("http://127.0.0.1:1", auth=("ann", "hunter2"))) as client:
        assert "hunter2" not in repr(client)
