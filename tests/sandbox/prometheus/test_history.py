"""The history answers every question of the catalog at any time, and joins what is scraped live."""

from __future__ import annotations

import math
import random
import time

import pytest

from sandbox.prometheus.configuration import anchor_of
from sandbox.prometheus.incidents import INCIDENTS
from sandbox.prometheus.systems import SYSTEMS
from upkeep.catalog.models import Limit, System
from upkeep.findings.units import parse_quantity

DAY = 86_400.0
SEEDED = {
    ("quikapp", "kafka_consumer_lag"),
    ("maintenance-api", "disk_free_ratio"),
    ("zetra", "memory_ratio"),
}
CHANCE = random.Random(7)
RECENT = [CHANCE.uniform(0, 8) * DAY for _ in range(8)]
OLDER = [CHANCE.uniform(8, 88.9) * DAY for _ in range(8)]
AGES = [0.0, *RECENT, *OLDER]


def crossed(limit: Limit, value: float) -> bool:
    if limit.above is not None:
        return value > parse_quantity(limit.above).value
    return value < parse_quantity(limit.below or "").value


def calm(system: str, t: float, anchor: float) -> bool:
    """Whether no incident was on in the half hour before t."""
    own = [one for one in INCIDENTS if one.system == system and one.minutes is not None]
    spans = [(one.start(anchor) - one.lead_minutes * 60, one.end(anchor) or 0) for one in own]
    return not any(start <= t <= end + 900 for start, end in spans)


@pytest.fixture(scope="session")
def anchor(running) -> float:
    return anchor_of(running.started)


@pytest.mark.integration
@pytest.mark.parametrize("system_id", SYSTEMS)
def test_every_metric_has_a_number_at_any_time(running, systems, system_id):
    now, missing = time.time(), []
    for name, metric in systems[system_id].metrics.items():
        for age in AGES:
            values = running.values(metric.promql, now - age)
            if not values or not all(math.isfinite(value) for value in values):
                missing.append(f"{name} {age / DAY:.2f} days ago: {values}")
    assert missing == []


@pytest.mark.integration
@pytest.mark.parametrize("system_id", SYSTEMS)
def test_objectives_have_events_at_any_time(running, systems, system_id):
    now = time.time()
    for slo in systems[system_id].slos.values():
        for age in AGES:
            (good,), (total,) = running.values(slo.good, now - age), running.values(slo.total, now - age)
            assert 0 < good <= total * 1.0001


@pytest.mark.integration
@pytest.mark.parametrize("system_id", SYSTEMS)
def test_calm_days_cross_no_limit(running, systems, system_id, anchor):
    """Only what is seeded is not ok, at any time of day of the last 8 days that was no incident's."""
    system: System = systems[system_id]
    end, wrong = time.time(), []
    for name, metric in system.metrics.items():
        for series in running.range(metric.promql, end - 8 * DAY, end, 600):
            for t, text in series["values"]:
                states = [
                    state
                    for state, limits in (("warning", metric.warning), ("critical", metric.critical))
                    if any(crossed(limit, float(text)) for limit in limits)
                ]
                if states == ["warning"] and (system_id, name) in SEEDED:
                    continue
                if states and calm(system_id, float(t), anchor):
                    wrong.append(f"{name} {text} {states} {(end - float(t)) / DAY:.2f} days ago")
    assert wrong == []


@pytest.mark.integration
@pytest.mark.parametrize(("system_id", "name"), sorted(SEEDED))
def test_seeded_findings_are_warnings_now(running, systems, system_id, name):
    metric = systems[system_id].metrics[name]
    (value,) = running.values(metric.promql)
    assert any(crossed(limit, value) for limit in metric.warning)
    assert not any(crossed(limit, value) for limit in metric.critical)


@pytest.mark.integration
def test_live_counters_continue_the_history(running):
    """No counter falls, or leaps, where the history ends and the exporter takes over."""
    seam = running.started
    for metric in ("http_requests_total", "http_request_duration_seconds_bucket", "node_cpu_seconds_total"):
        assert running.values(f"sum(resets({metric}[1h]))") == [0]
        # A minute across the seam grows like the half hour before it.
        across = running.values(f"sum(rate({metric}[5m]))", seam + 8)[0]
        before = running.values(f"sum(rate({metric}[30m]))", seam - 1)[0]
        assert across == pytest.approx(before, rel=0.15)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("expression", "monthly"),
    [
        ('sum(increase(http_requests_total{job="maintenance-api"}[7d]))', 0.15),
        ('avg_over_time(sum(app_active_users{job="maintenance-api-worker"})[7d:1h])', 0.10),
        ('avg_over_time(sum(mysql_info_schema_table_size{schema="tasks_db"})[7d:1h])', 0.05),
    ],
)
def test_growth_is_the_guides(running, expression, monthly):
    now = time.time()
    (recent,), (earlier,) = running.values(expression, now), running.values(expression, now - 30 * DAY)
    assert recent / earlier == pytest.approx(1 + monthly, abs=0.03)


@pytest.mark.integration
def test_the_day_has_a_rhythm(running):
    now = time.time()
    expression = 'sum(rate(http_requests_total{job="quikapp-api"}[5m]))'
    (series,) = running.range(expression, now - 2 * DAY, now, 1800)
    values = [float(text) for _, text in series["values"]]
    assert max(values) > 1.5 * min(values)


@pytest.mark.integration
def test_alerts_of_the_past_are_recorded_with_their_labels(running, anchor):
    expression = 'ALERTS{alertstate="firing",system="quikapp",alertname="HighErrorRate"}'
    (series,) = running.range(expression, anchor - DAY, anchor, 60)
    assert series["metric"]["severity"] == "critical"
    assert series["metric"]["owner"] == "oncall"
    assert series["metric"]["issue_type"] == "performance"
    assert 13 <= len(series["values"]) <= 20
    # The errors behind it are in the history too.
    inside = INCIDENTS[0].start(anchor) + 6 * 60
    rule = catalog_expression(running, "quikapp", "HighErrorRate")
    assert running.values(rule, inside)


def catalog_expression(running, system_id: str, alert: str) -> str:
    from sandbox.prometheus import catalog

    return catalog.systems()[system_id].alerts[alert].expr


@pytest.mark.integration
def test_the_open_alert_goes_on_under_the_same_labels(running):
    """What the history says of the alert that is open, the live rules go on saying: one series, no gap."""
    expression = 'ALERTS{alertstate="firing",system="maintenance-api",alertname="LowDiskSpace"}'
    now = time.time()
    series = running.range(expression, now - 6 * 3600, now, 60)
    assert len(series) == 1
    assert len(series[0]["values"]) >= 6 * 60


@pytest.mark.integration
def test_prometheus_took_every_rule_and_target(running, systems):
    groups = running.get("/api/v1/rules")["groups"]
    rules = {rule["name"] for group in groups for rule in group["rules"]}
    assert rules == {name for system in systems.values() for name in system.alerts}
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    targets = running.get("/api/v1/targets?state=active")["activeTargets"]
    assert {target["health"] for target in targets} == {"up"}
    assert len(targets) == 6
