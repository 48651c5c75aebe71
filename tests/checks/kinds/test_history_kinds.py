"""The kinds that read Prometheus, against a real one that knows only the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.bad import hanging, http, refusing, saying
from servers.prometheus import prometheus
from servers.situation import AS_OF, ask, checks_of, make_context, make_system, states
from upkeep.checks.context import CheckContext
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.prometheus import Prometheus
from upkeep.errors import ConfigurationError
from upkeep.findings import State

pytestmark = pytest.mark.integration
START = AS_OF - timedelta(hours=30)
STEP = timedelta(minutes=1)
Value = Callable[[datetime], float | None]


def minutes_ago(at: datetime) -> float:
    return (AS_OF - at).total_seconds() / 60


def always(value: float) -> Value:
    return lambda _at: value


def since(minutes: float, value: float | None, before: float | None) -> Value:
    """The value from so many minutes ago on, another before."""
    return lambda at: value if minutes_ago(at) <= minutes else before


def during(first: float, last: float, value: float | None = 1) -> Value:
    """The value between so many minutes ago, nothing else."""
    return lambda at: value if last <= minutes_ago(at) <= first else None


def counter(per_minute: Value) -> Value:
    """A counter that grows by so much a minute."""
    total = 0.0

    def value(at: datetime) -> float:
        nonlocal total
        total += per_minute(at) or 0.0
        return total

    return value


PAST: dict[str, Value] = {
    'up{job="api",instance="a"}': always(1),
    'up{job="api",instance="b"}': since(3, 0, 1),
    'ratio_now{job="api"}': since(2, 0.2, 0.001),
    'ratio_held{job="api"}': since(30, 0.06, 0.001),
    'ratio_gap{job="api"}': lambda at: 0.2 if minutes_ago(at) in (0, 4) else None,
    'free_ratio{disk="root"}': since(60, 0.05, 0.5),
    'nothing_over_nothing{job="api"}': always(float("nan")),
    'went_away{job="api"}': during(60, 6),
    **{f'pod_memory{{job="api",pod="p{n:03}"}}': always(n / 100) for n in range(120)},
    'hits_total{code="200"}': counter(lambda at: 990 if minutes_ago(at) < 120 else 1000),
    'hits_total{code="500"}': counter(lambda at: 10 if minutes_ago(at) < 120 else 0),
    'idle_total{code="200"}': always(5),
    'ALERTS{alertname="Broken",alertstate="firing",system="shop",severity="critical",pod="x"}': during(20, 0),
    'ALERTS{alertname="Broken",alertstate="firing",system="shop",severity="critical",pod="y"}': during(
        90, 80
    ),
    'ALERTS{alertname="Slow",alertstate="firing",system="shop",severity="warning"}': lambda at: (
        1 if 700 <= minutes_ago(at) <= 710 or 300 <= minutes_ago(at) <= 305 else None
    ),
    'ALERTS{alertname="Old",alertstate="firing",system="shop",severity="critical"}': during(1700, 1600),
    'ALERTS{alertname="Theirs",alertstate="firing",system="other",severity="critical"}': during(20, 0),
    'ALERTS{alertname="Intruder",alertstate="firing",system="shop",issue_type="security",severity="high"}': (
        during(200, 150)
    ),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder, PAST, start=START, end=AS_OF, step=STEP) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Prometheus]:
    with Prometheus(Endpoint(url)) as opened:
        yield opened


def metric(promql: str, **facts: Any) -> dict[str, Any]:
    return {"title": "It", "promql": promql, "unit": "ratio"} | facts


def context_of(client: Prometheus, **parts: Any) -> CheckContext:
    return make_context(make_system(**parts), prometheus=client)


def one_metric(client: Prometheus, promql: str, **facts: Any) -> CheckContext:
    return context_of(client, metrics={"it": metric(promql, **facts)})


@pytest.mark.parametrize(
    ("promql", "state"),
    [("ratio_now", State.WARNING), ("ratio_held", State.CRITICAL), ("ratio_now - 0.2", State.OK)],
)
def test_a_limit_counts_only_when_it_held(client: Prometheus, promql: str, state: State) -> None:
    limits = {"warning": [{"above": "1 %"}], "critical": [{"above": "5 %", "for_minutes": 5}]}
    found = ask("metrics", one_metric(client, promql, **limits), metrics=["it"])
    assert states(found) == {"it": state}
    assert found["it"].observed_at == AS_OF


def test_a_finding_says_value_limit_source_and_what_was_seen(client: Prometheus) -> None:
    facts = {"critical": [{"above": "5 %", "for_minutes": 5}], "runbook": "errors"}
    dashboards = {"d": {"title": "D", "url": "https://grafana/d", "purpose": "p", "metrics": ["it"]}}
    context = context_of(client, metrics={"it": metric("ratio_held", **facts)}, dashboards=dashboards)
    found = ask("metrics", context, metrics=["it"])["it"]
    assert (found.value, found.unit, found.limit, found.limit_value) == (
        0.06,
        "ratio",
        "> 5 % for 5 min",
        0.05,
    )
    assert found.source == "prometheus: ratio_held"
    assert found.summary == "It is 6 %, beyond the critical limit > 5 % for 5 min"
    assert found.runbook == "errors"
    assert found.evidence["dashboards"] == ["https://grafana/d"]
    assert found.evidence["labels"]["job"] == "api"
    assert found.evidence["held"] == "6 %"
    assert len(found.evidence["points"]) == 6


def test_a_lower_limit_is_held_by_the_highest_value(client: Prometheus) -> None:
    context = one_metric(client, "free_ratio", critical=[{"below": "10 %", "for_minutes": 30}])
    assert ask("metrics", context, metrics=["it"])["it"].state is State.CRITICAL
    context = one_metric(client, "free_ratio", critical=[{"below": "10 %", "for_minutes": 90}])
    assert ask("metrics", context, metrics=["it"])["it"].state is State.OK


@pytest.mark.parametrize(
    ("promql", "reason"),
    [
        ("no_such_metric", "no series"),
        ("went_away", "the last value is of 2025-06-10T11:5"),
        ("nothing_over_nothing", "no traffic"),
        ("sum(rate(idle_total[5m])) / sum(rate(idle_total[5m]))", "no traffic"),
        ("ratio_now / 0", "division by zero"),
    ],
)
def test_no_value_is_unknown_with_the_reason(client: Prometheus, promql: str, reason: str) -> None:
    context = one_metric(client, promql, warning=[{"above": "1 %", "for_minutes": 10}])
    found = ask("metrics", context, metrics=["it"])["it"]
    assert found.state is State.UNKNOWN
    assert found.value is None
    assert reason in (found.reason or "")
    assert not found.temporary


def test_none_is_zero_only_where_the_catalog_says_so(client: Prometheus) -> None:
    limits = {"warning": [{"above": "1 %"}], "absent_is_zero": True}
    found = ask("metrics", one_metric(client, "no_such_metric", **limits), metrics=["it"])
    assert (found["it"].state, found["it"].value) == (State.OK, 0)


def test_gaps_of_a_metric_born_with_its_first_error_are_zeros(client: Prometheus) -> None:
    promql = "ratio_gap and on() (vector(time()) % 240 == 0)"
    limits = {"warning": [{"above": "1 %", "for_minutes": 5}]}
    zero = ask("metrics", one_metric(client, promql, absent_is_zero=True, **limits), metrics=["it"])["it"]
    gap = ask("metrics", one_metric(client, promql, **limits), metrics=["it"])["it"]
    assert (zero.state, gap.state) == (State.OK, State.WARNING)


def test_each_series_is_a_finding_named_by_what_differs(client: Prometheus) -> None:
    context = one_metric(client, "up", unit="count", critical=[{"below": "1", "for_minutes": 2}])
    assert states(ask("metrics", context, metrics=["it"])) == {
        "it{instance=a}": State.OK,
        "it{instance=b}": State.CRITICAL,
    }


def test_of_many_series_the_worst_are_kept_and_the_rest_counted(client: Prometheus) -> None:
    limits = {"warning": [{"above": "90 %"}], "critical": [{"above": "100 %"}]}
    found = ask("metrics", one_metric(client, "pod_memory", **limits), metrics=["it"])
    kept = [name for name in found if name != "it{others}"]
    assert len(kept) == 50
    assert [found[name].state for name in kept].count(State.CRITICAL) == 19
    assert found["it{pod=p119}"].state is State.CRITICAL
    assert found["it{others}"].value == 70
    assert found["it{others}"].state is State.OK


def test_groups_and_names_choose_each_metric_once(client: Prometheus) -> None:
    metrics = {
        "a": metric("ratio_now", group="cache"),
        "b": metric("ratio_held", group="cache"),
        "c": metric("free_ratio", group="queue"),
    }
    context = context_of(client, metrics=metrics)
    found = ask("metrics", context, metrics=["a"], groups=["cache"])
    assert list(found) == ["a", "b"]
    with pytest.raises(ConfigurationError, match=r"no metric nope; it has: a, b, c"):
        checks_of("metrics", context, metrics=["nope"])
    with pytest.raises(ConfigurationError, match="no metric group"):
        checks_of("metrics", context, groups=["business"])


def test_the_past_is_asked_about_never_the_clock(client: Prometheus) -> None:
    limits = {"critical": [{"above": "5 %"}]}
    earlier = make_context(
        make_system(metrics={"it": metric("ratio_held", **limits)}),
        as_of=AS_OF - timedelta(hours=1, microseconds=123_456),
        prometheus=client,
    )
    found = ask("metrics", earlier, metrics=["it"])["it"]
    assert (found.state, found.value) == (State.OK, 0.001)


@pytest.mark.parametrize("microseconds", [0, 400, 123_456, 999_600])
@pytest.mark.parametrize("minutes", [0.3, 1, 5, 6.7, 119.3])
def test_the_run_need_not_fall_on_a_whole_second(
    client: Prometheus, microseconds: int, minutes: float
) -> None:
    limits = {"critical": [{"above": "5 %", "for_minutes": minutes}]}
    context = make_context(
        make_system(metrics={"it": metric("ratio_held", **limits)}),
        as_of=AS_OF - timedelta(microseconds=microseconds),
        prometheus=client,
    )
    assert ask("metrics", context, metrics=["it"])["it"].value == 0.06


def test_dashboards_show_each_metric_once_with_its_links(client: Prometheus) -> None:
    dashboards = {
        "one": {"title": "One", "url": "https://g/1", "purpose": "p", "metrics": ["a", "b"]},
        "two": {"title": "Two", "url": "https://g/2", "purpose": "p", "metrics": ["a"]},
        "bare": {"title": "Bare", "url": "https://g/3", "purpose": "p"},
    }
    metrics = {"a": metric("ratio_now"), "b": metric("ratio_held")}
    context = context_of(client, metrics=metrics, dashboards=dashboards)
    found = ask("dashboards", context)
    assert states(found) == {"a": State.OK, "b": State.OK, "dashboard{name=bare}": State.UNKNOWN}
    assert found["a"].evidence["dashboards"] == ["https://g/1", "https://g/2"]
    assert list(ask("dashboards", context, dashboards=["two"])) == ["a"]


def objective(**facts: Any) -> dict[str, Any]:
    good, total = 'sum(rate(hits_total{code="200"}[5m]))', "sum(rate(hits_total[5m]))"
    return {
        "title": "Availability",
        "target_ratio": 0.999,
        "good": good,
        "total": total,
        "measurement": "good / all",
        "window_days": 1,
    } | facts


def test_an_objective_now_and_over_its_window(client: Prometheus) -> None:
    found = ask("slo", context_of(client, slos={"availability": objective()}))
    assert states(found) == {"slo_availability": State.CRITICAL, "slo_availability_window": State.OK}
    assert found["slo_availability"].value == pytest.approx(0.99, abs=1e-6)
    # 2 of 24 hours with 1 % bad
    assert found["slo_availability_window"].value == pytest.approx(1 - 0.01 * 2 / 24, abs=2e-5)
    assert found["slo_availability_window"].evidence["error_budget_left_ratio"] == pytest.approx(
        1 / 6, abs=0.02
    )


def test_a_looser_objective_is_met(client: Prometheus) -> None:
    found = ask("slo", context_of(client, slos={"availability": objective(target_ratio=0.98)}))
    assert set(states(found).values()) == {State.OK}


def test_no_good_event_among_events_is_a_share_of_zero(client: Prometheus) -> None:
    good = 'sum(rate(hits_total{code="201"}[5m]))'
    found = ask("slo", context_of(client, slos={"availability": objective(good=good)}))
    assert states(found) == {"slo_availability": State.CRITICAL, "slo_availability_window": State.WARNING}
    assert found["slo_availability"].value == 0


@pytest.mark.parametrize(
    ("total", "reason"), [("sum(rate(idle_total[5m]))", "no traffic"), ("sum(rate(none[5m]))", "no data")]
)
def test_an_objective_without_events_is_unknown(client: Prometheus, total: str, reason: str) -> None:
    found = ask("slo", context_of(client, slos={"availability": objective(total=total)}))
    assert set(states(found).values()) == {State.UNKNOWN}
    assert all(reason in (finding.reason or "") for finding in found.values())


def test_an_objective_of_many_series_is_a_mistake(client: Prometheus) -> None:
    total = "rate(hits_total[5m])"
    found = ask("slo", context_of(client, slos={"availability": objective(total=total)}))
    assert "sum it" in (found["slo_availability"].reason or "")


def rule(expr: str, **facts: Any) -> dict[str, Any]:
    return {"expr": expr, "severity": "P1", "label": "high", "summary": "it is broken"} | facts


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (rule("up == 0"), State.CRITICAL),
        (rule("up == 0", for_minutes=3), State.CRITICAL),
        (rule("up == 0", for_minutes=10), State.OK),
        (rule("up == 0", severity="P3"), State.WARNING),
        (rule("up == 2"), State.OK),
        (rule('sum(rate(hits_total{code="503"}[5m])) / sum(rate(hits_total[5m])) > 0.01'), State.OK),
        (rule('up{job="gone"} == 0'), State.UNKNOWN),
        (rule("waiting > 0"), State.UNKNOWN),
    ],
)
def test_rules(client: Prometheus, facts: dict[str, Any], state: State) -> None:
    found = ask("alert_rules", context_of(client, alerts={"Broken": facts}))
    assert list(states(found).values()) == [state]


def test_a_rule_on_what_the_catalog_calls_absent_is_quiet(client: Prometheus) -> None:
    metrics = {"waiting": metric("sum(waiting)", absent_is_zero=True)}
    found = ask("alert_rules", context_of(client, metrics=metrics, alerts={"Waiting": rule("waiting > 0")}))
    assert states(found) == {"rule_Waiting": State.OK}


def test_alerts_since_the_last_review(client: Prometheus) -> None:
    found = ask("alerts_since", context_of(client, alerts={"Broken": rule("up == 0", runbook="broken")}))
    assert states(found) == {
        "alert{alertname=Broken,pod=x}": State.CRITICAL,
        "alert{alertname=Broken,pod=y}": State.WARNING,
        "alert{alertname=Intruder}": State.WARNING,
        "alert{alertname=Slow}": State.OK,
        "alerts": State.OK,
    }
    assert found["alerts"].value == 5
    assert found["alert{alertname=Slow}"].evidence["episode_count"] == 2
    # ten minutes, and the five that Prometheus looks back for a series that ends without saying so
    assert found["alert{alertname=Broken,pod=y}"].value == pytest.approx(900, abs=60)
    assert found["alert{alertname=Broken,pod=x}"].runbook == "broken"
    assert "is firing" in found["alert{alertname=Broken,pod=x}"].summary


def test_no_alert_is_ok_only_where_prometheus_watched(client: Prometheus) -> None:
    quiet = ask("alerts_since", context_of(client), label_filter={"system": "quiet"})
    assert states(quiet) == {"alerts": State.OK}
    before = make_context(make_system(), as_of=START - timedelta(days=1), prometheus=client)
    blind = ask("alerts_since", before)["alerts"]
    assert (blind.state, blind.value) == (State.UNKNOWN, None)
    assert "0 % of the time" in (blind.reason or "")


def test_security_alerts_are_those_of_the_issue_type(client: Prometheus) -> None:
    alerts = {"Broken": rule("up == 0", issue_type="security")}
    metrics = {"breaches": metric("ratio_now", critical=[{"above": "10 %"}])}
    found = ask("security_alerts", context_of(client, alerts=alerts, metrics=metrics), metrics=["breaches"])
    assert states(found) == {
        "alert{alertname=Broken,pod=x}": State.CRITICAL,
        "alert{alertname=Broken,pod=y}": State.WARNING,
        "alert{alertname=Intruder}": State.WARNING,
        "alerts": State.OK,
        "breaches": State.CRITICAL,
    }


def everything() -> dict[str, Any]:
    return {
        "metrics": {"it": metric("ratio_now")},
        "dashboards": {"d": {"title": "D", "url": "https://g/1", "purpose": "p", "metrics": ["it"]}},
        "slos": {"s": objective()},
        "alerts": {"Broken": rule("up == 0")},
    }


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("metrics", {"metrics": ["it"]}),
    ("dashboards", {}),
    ("slo", {}),
    ("alert_rules", {}),
    ("alerts_since", {}),
    ("security_alerts", {"metrics": ["it"]}),
]


@pytest.mark.parametrize(("name", "parameters"), KINDS)
def test_none_of_them_reads_the_present(client: Prometheus, name: str, parameters: dict[str, Any]) -> None:
    assert not any(
        check.present for check in checks_of(name, context_of(client, **everything()), **parameters)
    )


@pytest.mark.parametrize(("name", "parameters"), KINDS)
@pytest.mark.parametrize("fault", ["refuses", "hangs", "garbage", "error", "nonsense"])
def test_a_bad_server_makes_everything_unknown(name: str, parameters: dict[str, Any], fault: str) -> None:
    answers = {
        "garbage": b"\x00\x01 not http at all\r\n\r\n",
        "error": http(500, b"oh no"),
        "nonsense": http(200, b'{"status": "success", "data": {"resultType": "vector", "result": 7}}'),
    }
    server = {"refuses": refusing, "hangs": hanging}.get(fault) or (lambda: saying(answers[fault]))
    with server() as port, Prometheus(Endpoint(f"http://127.0.0.1:{port}", timeout_seconds=1)) as client:
        found = ask(name, context_of(client, **everything()), seconds=8, **parameters)
    assert set(states(found).values()) == {State.UNKNOWN}
    assert all(finding.reason for finding in found.values())
    assert all(finding.temporary for finding in found.values()) == (fault in ("refuses", "hangs", "error"))


def test_a_missing_connection_is_named() -> None:
    context = make_context(make_system(**everything()))
    found = ask("metrics", context, metrics=["it"])["it"]
    assert "prometheus" in (found.reason or "")
    assert not found.temporary
