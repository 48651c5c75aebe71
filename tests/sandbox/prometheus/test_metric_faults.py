"""Each fault of the metrics changes the one finding it names, soon, and healing brings it back, soon."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.prometheus import state
from sandbox.prometheus.changes import CHANGES
from sandbox.prometheus.faults import FAULTS
from upkeep.catalog.models import Limit, Metric, System
from upkeep.findings.units import parse_quantity

CHANGED = {
    "quikapp-errors": ("error_ratio", "critical"),
    "quikapp-latency": ("latency_p95", "warning"),
    "quikapp-message-delay": ("message_delivery_p95", "warning"),
    "quikapp-kafka-lag": ("kafka_consumer_lag", "critical"),
    "quikapp-kafka-broker": ("kafka_brokers", "critical"),
    "quikapp-pool": ("pool_usage_ratio", "critical"),
    "quikapp-redis-memory": ("redis_memory_ratio", "warning"),
    "quikapp-logins": ("login_failure_ratio", "warning"),
    "quikapp-crash-loop": ("crash_looping_containers", "critical"),
    "quikapp-down": ("service_up", "critical"),
    "maintenance-api-errors": ("error_ratio", "critical"),
    "maintenance-api-latency": ("latency_p95", "warning"),
    "maintenance-api-memory": ("container_memory_ratio", "critical"),
    "maintenance-api-node-memory": ("node_memory_ratio", "critical"),
    "maintenance-api-replication-lag": ("replication_lag", "warning"),
    "maintenance-api-database-down": ("database_up", "critical"),
    "maintenance-api-down": ("service_up", "critical"),
    "maintenance-api-crash-loop": ("service_up", "critical"),
    "maintenance-api-expiring-certificate": ("certificate_seconds_left", "warning"),
    "maintenance-api-expired-certificate": ("certificate_seconds_left", "warning"),
    "zetra-errors": ("error_ratio", "critical"),
    "zetra-slow": ("response_time_p95", "critical"),
    "zetra-down": ("application_up", "critical"),
    "zetra-memory": ("memory_ratio", "critical"),
    "zetra-disk": ("disk_ratio", "critical"),
    "zetra-pool": ("pool_usage_ratio", "critical"),
    "zetra-database-down": ("database_up", "critical"),
    "zetra-uploads": ("upload_success_ratio", "warning"),
    "zetra-email-sync": ("email_sync_age", "warning"),
    "zetra-breach": ("security_breaches", "critical"),
    "zetra-corruption": ("corrupted_pages", "critical"),
    "lessay-payments": ("payment_success_ratio", "critical"),
    "lessay-pool": ("pool_usage_ratio", "critical"),
    "lessay-errors": ("error_ratio", "critical"),
    "lessay-database-latency": ("database_latency_p95", "warning"),
    "lessay-memory": ("memory_ratio", "critical"),
    "lessay-disk": ("disk_ratio", "warning"),
    "lessay-replication-lag": ("payment_replication_lag", "critical"),
    "lessay-down": ("api_up", "critical"),
    "tapio-slow": ("response_time_p95", "warning"),
    "tapio-memory": ("memory_ratio", "critical"),
    "tapio-volume": ("volume_used_ratio", "critical"),
    "tapio-down": ("server_up", "critical"),
}


def judged(running, metric: Metric) -> str:
    """The state of the value alone; how long it must hold is the check's business."""
    values = running.values(metric.promql)
    if not values:
        return "unknown"
    for name, limits in (("critical", metric.critical), ("warning", metric.warning)):
        if any(_crossed(limit, value) for limit in limits for value in values):
            return name
    return "ok"


def _crossed(limit: Limit, value: float) -> bool:
    if limit.above is not None:
        return value > parse_quantity(limit.above).value
    return value < parse_quantity(limit.below or "").value


def states(running, system: System) -> dict[str, str]:
    return {name: judged(running, metric) for name, metric in system.metrics.items()}


def test_the_table_of_this_test_is_complete():
    assert set(CHANGED) == set(FAULTS) == set(CHANGES)


def test_what_a_fault_says_names_the_finding_that_changes():
    for name, (metric, becomes) in CHANGED.items():
        assert metric in FAULTS[name].finding
        assert becomes in FAULTS[name].finding
        assert FAULTS[name].needs == ("prometheus",)


@pytest.mark.integration
def test_each_fault_changes_its_finding_alone_and_heals(running, systems):
    """One fault of each system at a time, all systems at once."""
    waiting = {system: [name for name in CHANGED if FAULTS[name].system == system] for system in systems}
    before = {system: states(running, systems[system]) for system in systems}
    with ThreadPoolExecutor(max_workers=len(systems)) as pool:
        while any(waiting.values()):
            broken = [names.pop(0) for names in waiting.values() if names]
            list(pool.map(lambda name: FAULTS[name].break_(running.estate), broken))
            for name in broken:
                own, (metric, becomes) = FAULTS[name].system, CHANGED[name]
                assert states(running, systems[own]) == before[own] | {metric: becomes}, name
            list(pool.map(lambda name: FAULTS[name].heal(running.estate), broken))
            for name in broken:
                own = FAULTS[name].system
                assert states(running, systems[own]) == before[own], f"{name}, healed"


@pytest.mark.integration
def test_a_fault_is_quick_to_show_and_quick_to_heal(running, systems):
    metric = systems["quikapp"].metrics["error_ratio"]
    start = time.monotonic()
    FAULTS["quikapp-errors"].break_(running.estate)
    assert judged(running, metric) == "critical"
    shown = time.monotonic()
    FAULTS["quikapp-errors"].heal(running.estate)
    assert judged(running, metric) == "ok"
    healed = time.monotonic()
    assert shown - start < 20
    assert healed - shown < 30


@pytest.mark.integration
def test_breaking_and_healing_twice_does_no_harm(running):
    fault, file = FAULTS["lessay-disk"], running.folder / state.STATE_FILE
    fault.break_(running.estate)
    once = state.load(file)
    fault.break_(running.estate)
    assert state.load(file) == once
    fault.heal(running.estate)
    healed = state.load(file)
    fault.heal(running.estate)
    assert state.load(file) == healed
    assert "lessay-disk" not in healed.active
