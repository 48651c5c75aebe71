"""The five systems as their exporters show them, healthy but for what `seeded.yaml` lists.

Every number is chosen to stay on its side of the catalog's limits at any time of day; the seeded findings
begin some days before the anchor and hold at any time since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sandbox.prometheus.exporters import GIB, MIB, Estate, Latency, rarely
from sandbox.prometheus.series import Bump, Series
from sandbox.prometheus.shapes import DAY, Shape

QUICK = Latency(
    usual={"0.05": 0.62, "0.1": 0.93, "0.2": 0.985, "0.5": 0.998, "1": 0.9995},
    loaded={"0.05": 0.05, "0.1": 0.35, "0.2": 0.86, "0.5": 0.98, "1": 0.997},
    average=0.05,
)
DELIVERY = Latency(
    usual={"0.1": 0.70, "0.25": 0.94, "0.5": 0.99, "1": 0.998, "2.5": 0.9999},
    loaded={"0.1": 0.10, "0.25": 0.50, "0.5": 0.90, "1": 0.985, "2.5": 0.999},
    average=0.09,
)
MODERATE = Latency(
    usual={"0.1": 0.60, "0.25": 0.955, "0.5": 0.992, "1": 0.999, "2.5": 0.9999},
    loaded={"0.1": 0.10, "0.25": 0.60, "0.5": 0.93, "1": 0.985, "2.5": 0.999},
    average=0.11,
)
UNHURRIED = Latency(
    usual={"0.25": 0.55, "0.5": 0.90, "1": 0.985, "2": 0.997, "5": 0.9997, "10": 0.99999},
    loaded={"0.25": 0.05, "0.5": 0.40, "1": 0.85, "2": 0.98, "5": 0.998, "10": 0.9999},
    average=0.3,
)
QUERIES = Latency(
    usual={"0.01": 0.60, "0.05": 0.90, "0.1": 0.97, "0.5": 0.998, "1": 0.9998},
    loaded={"0.01": 0.15, "0.05": 0.55, "0.1": 0.85, "0.5": 0.99, "1": 0.999},
    average=0.02,
)


def quikapp(anchor: float) -> list[Series]:
    """Messages all day, most in the evening."""
    e = Estate("quikapp-api", Shape(anchor, 0.06, peak_hour=18, phase=0.3), "quikapp-live")
    lag = replace(e.gauge("kafka_consumergroup_lag", 420, "quikapp-kafka"), amplitude=0.6, whole=True)
    group = {"consumergroup": "message-consumers", "topic": "messages"}
    # Seeded: a consumer lost its partition the day before yesterday and the group is behind since.
    behind = [Bump(start=anchor - 2 * DAY + 5 * 3600, value=6900.0)]
    lags = [replace(lag, labels={**lag.labels, **group, "partition": str(n)}) for n in range(2)]
    auth = "quikapp-auth"
    return [
        *e.web(420, QUICK),
        *e.histogram("message_delivery_duration_seconds", 260, DELIVERY, from_app=True),
        *(
            one
            for n, cpu in enumerate((0.31, 0.29))
            for one in e.pod(f"api-{n}", "api", cpu=cpu, memory=0.55, limits=(2, 2 * GIB))
        ),
        *e.pod("websocket-0", "websocket", cpu=0.34, memory=0.5, limits=(2, 2 * GIB)),
        e.constant(
            "kube_pod_container_status_waiting_reason",
            0,
            "kube-state-metrics",
            namespace="quikapp-live",
            pod="websocket-0",
            container="websocket",
            reason="CrashLoopBackOff",
        ),
        *e.mysql("quikapp-mysql", connections=180, most=500, slow=0.02),
        *e.redis("quikapp-redis", lookups=900, hits=0.94, memory=0.52),
        e.gauge("phoenix_socket_connections", 18_500, "quikapp-websocket"),
        replace(e.gauge("hikaricp_connections_active", 16, auth, pool="main"), shape=e.busy, amplitude=0.4),
        e.constant("hikaricp_connections_max", 40, auth, pool="main"),
        e.counter("auth_login_attempts_total", 11.6, auth, result="success"),
        replace(e.counter("auth_login_attempts_total", 0.4, auth, result="failure"), shape=e.errors),
        e.constant("kafka_brokers", 3, "quikapp-kafka"),
        lags[0],
        replace(lags[1], bumps=behind),
    ]


def maintenance_api(anchor: float) -> list[Series]:
    """A task API of office hours; users grow 10 %, requests 15 %, data 5 % a month."""
    e = Estate("maintenance-api", Shape(anchor, 0.15, phase=1.1), "maintenance-api")
    worker, mysql, node = "maintenance-api-worker", "maintenance-api-mysql", "maintenance-api-node"
    users = replace(e.gauge("app_active_users", 1240, worker), shape=Shape(anchor, 0.10), whole=True)
    size = replace(
        e.gauge("mysql_info_schema_table_size", 612 * MIB, mysql, schema="tasks_db", table="tasks"),
        shape=Shape(anchor, 0.05, daily=0.0, weekly=0.0, noise=0.02),
    )
    nodes = [
        # Seeded: the first node's disk has been filling up for months and is below 10 % free since 11 days.
        *e.node("node-1:9100", cpu=0.36, memory=0.58, disk=0.913, job=node),
        *e.node("node-2:9100", cpu=0.33, memory=0.61, disk=0.48, job=node),
    ]
    filling = [
        replace(one, trend_per_day=-0.0138)
        if one.name == "node_filesystem_avail_bytes" and one.labels["instance"] == "node-1:9100"
        else one
        for one in nodes
    ]
    return [
        *e.web(38, MODERATE, failing=0.0002),
        *(
            one
            for n in range(2)
            for one in e.pod(
                f"maintenance-api-{n}", "maintenance-api", cpu=0.38, memory=0.62, limits=(0.1, 128 * MIB)
            )
        ),
        *e.network("maintenance-api-0", 52_000, 88_000),
        *e.mysql(mysql, connections=24, most=151, slow=0.004),
        replace(e.gauge("mysql_slave_status_seconds_behind_master", 1.2, mysql), amplitude=0.8),
        size,
        users,
        replace(e.gauge("go_sql_in_use_connections", 9, worker, db_name="tasks_db"), whole=True),
        replace(e.gauge("go_sql_idle_connections", 11, worker, db_name="tasks_db"), whole=True),
        *filling,
        e.counter("node_disk_read_bytes_total", 310_000, node, instance="node-1:9100", device="vda"),
        e.counter("node_disk_written_bytes_total", 820_000, node, instance="node-1:9100", device="vda"),
        _certificate(e, "maintenance-api-probe", "https://maintenance-api.company.com"),
    ]


def _certificate(e: Estate, job: str, instance: str) -> Series:
    """A certificate of 90 days that is renewed 35 days before it expires."""
    # Renewed 60 and 5 days before the anchor: each time it is good for 90 days.
    renewals = [
        Bump(start=e.traffic.anchor - days * DAY, value=e.traffic.anchor + (90 - days) * DAY)
        for days in (60, 5)
    ]
    first = e.constant("probe_ssl_earliest_cert_expiry", e.traffic.anchor - 25 * DAY, job, instance=instance)
    return replace(first, bumps=renewals, whole=True)


def zetra(anchor: float) -> list[Series]:
    """A work platform: quiet at the weekend."""
    e = Estate("zetra-app", Shape(anchor, 0.04, weekly=0.15, phase=2.2), "production")
    worker, node, postgres = "zetra-worker", "zetra-node", "zetra-postgres"
    pods = [f"zetra-platform-{slot}-{n}" for slot in ("blue", "green") for n in range(1)]
    sessions = replace(e.gauge("app_active_sessions", 860, worker), shape=e.busy, whole=True)
    nodes = [
        *e.node("node-1:9100", cpu=0.42, memory=0.66, disk=0.61, job=node),
        *e.node("node-2:9100", cpu=0.40, memory=0.71, disk=0.58, job=node),
    ]
    # Seeded: the second node's memory has crept up to 86 % since four days.
    crept = [
        replace(one, bumps=[Bump(start=anchor - 4 * DAY + 9 * 3600, value=16 * GIB * 0.1372)])
        if one.name == "node_memory_MemAvailable_bytes" and one.labels["instance"] == "node-2:9100"
        else one
        for one in nodes
    ]
    daily = rarely(
        [
            e.counter("app_user_registrations_total", 0.0021, worker),
            e.counter("app_tasks_created_total", 0.62, worker),
            replace(e.counter("app_tasks_completed_total", 0.51, worker), shape=e.busy),
            replace(e.counter("app_paid_revenue_usd_total", 0.0145, worker), whole=False),
            replace(e.counter("falco_events", 0.0, "zetra-falco", priority="Critical"), shape=e.flat()),
        ]
    )
    return [
        *e.web(95, UNHURRIED, failing=0.0003),
        *(one for pod in pods for one in e.pod(pod, "zetra-app", cpu=0.36, memory=0.57, limits=(1, 2 * GIB))),
        *e.network(pods[0], 240_000, 410_000),
        *e.redis("zetra-redis", lookups=310, hits=0.91, memory=0.44),
        sessions,
        replace(e.gauge("db_pool_connections_in_use", 21, worker, pool="main"), amplitude=0.8, whole=True),
        e.constant("db_pool_connections_max", 50, worker, pool="main"),
        e.constant("pg_up", 1, postgres),
        replace(
            e.gauge("pg_stat_activity_count", 34, postgres, datname="zetra", state="active"),
            shape=e.busy,
            amplitude=0.5,
            whole=True,
        ),
        e.constant("pg_stat_database_checksum_failures", 0, postgres, datname="zetra"),
        *crept,
        *daily,
        replace(e.counter("app_document_uploads_total", 1.48, worker, result="success")),
        replace(e.counter("app_document_uploads_total", 0.004, worker, result="failure"), shape=e.errors),
        _syncs(e, worker),
    ]


def _syncs(e: Estate, job: str) -> Series:
    """The time of the last e-mail sync: always a minute ago, so it moves with the clock."""
    last = e.constant("app_email_sync_last_success_timestamp_seconds", 1.0, job)
    # value = scale * (1 + trend * days): with a scale of anchor − 60 s it gains one second a second.
    scale = e.traffic.anchor - 60
    return replace(last, scale=scale, trend_per_day=DAY / scale, whole=True)


def lessay(anchor: float) -> list[Series]:
    """A learning platform: afternoons and evenings."""
    e = Estate("lessay-api", Shape(anchor, 0.03, peak_hour=17, phase=3.4))
    worker, node, payments = "lessay-worker", "lessay-node", "lessay-payments"
    sessions = replace(e.gauge("app_active_sessions", 2300, worker), shape=e.busy, whole=True)
    lessons = rarely(
        [
            e.counter("app_lessons_started_total", 0.9, worker),
            replace(e.counter("app_lessons_completed_total", 0.7, worker), shape=e.busy),
        ]
    )
    return [
        *e.web(70, MODERATE, service="lessons", failing=0.0006),
        *e.web(25, MODERATE, service="accounts", failing=0.0004),
        *e.histogram("http_request_duration_seconds", 95, MODERATE, from_app=True),
        *e.histogram("db_query_duration_seconds", 480, QUERIES, worker),
        *e.node("api-1:9100", cpu=0.38, memory=0.64, disk=0.52, job=node),
        *e.node("api-2:9100", cpu=0.37, memory=0.62, disk=0.49, job=node),
        replace(e.gauge("db_pool_connections_in_use", 17, worker, pool="main"), amplitude=0.8, whole=True),
        e.constant("db_pool_connections_max", 40, worker, pool="main"),
        e.counter("payment_transactions_total", 0.98, payments, result="success"),
        replace(e.counter("payment_transactions_total", 0.013, payments, result="failure"), shape=e.errors),
        sessions,
        *lessons,
        replace(e.gauge("pg_replication_lag_seconds", 0.8, "lessay-postgres-dr"), amplitude=0.8),
    ]


def tapio(anchor: float) -> list[Series]:
    """Events of machines: day and night differ little."""
    e = Estate("tapio-server", Shape(anchor, 0.05, daily=0.15, weekly=0.04, phase=4.5), "tapio-system")
    worker, volume = (
        "tapio-worker",
        {"namespace": "tapio-system", "persistentvolumeclaim": "data-tapio-server-0"},
    )
    size = 100 * GIB
    return [
        *e.web(120, MODERATE, failing=0.0005),
        e.counter("tapio_events_processed_total", 1450, worker),
        replace(e.counter("tapio_slow_queries_total", 0.015, worker), shape=e.errors),
        e.counter("tapio_cache_requests_total", 800, worker),
        e.counter("tapio_cache_hits_total", 716, worker),
        *e.pod("tapio-server-0", "server", cpu=0.44, memory=0.63, limits=(4, 8 * GIB)),
        *e.pod("tapio-server-1", "server", cpu=0.41, memory=0.60, limits=(4, 8 * GIB)),
        *e.network("tapio-server-0", 1_900_000, 1_100_000),
        replace(
            e.gauge("kubelet_volume_stats_used_bytes", 58 * GIB, "kubelet", **volume),
            amplitude=0.002,
            trend_per_day=0.0016,
        ),
        e.constant("kubelet_volume_stats_capacity_bytes", size, "kubelet", **volume),
        replace(e.gauge("pg_replication_lag_seconds", 1.2, "tapio-postgres-west"), amplitude=0.8),
    ]


SYSTEMS: dict[str, Callable[[float], list[Series]]] = {
    "quikapp": quikapp,
    "maintenance-api": maintenance_api,
    "zetra": zetra,
    "lessay": lessay,
    "tapio": tapio,
}
APPLICATIONS = {
    "quikapp": ("quikapp-api", "api:8080"),
    "maintenance-api": ("maintenance-api", "maintenance-api:8080"),
    "zetra": ("zetra-app", "zetra-app:3000"),
    "lessay": ("lessay-api", "lessay-api:8080"),
    "tapio": ("tapio-server", "tapio-server:8443"),
}
"""System → job and instance of the application itself: what Prometheus adds to what it scrapes there."""
