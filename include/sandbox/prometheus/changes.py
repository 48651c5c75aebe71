"""What each fault of the metrics changes, system by system."""

from __future__ import annotations

from sandbox.prometheus.effects import Change, Effect, down, failing, gauge, slow

GIB, MIB = 2.0**30, 2.0**20
CHANGES: dict[str, Change] = {
    "quikapp-errors": Change(
        "quikapp",
        "4 % of the API's requests are answered with 500",
        "daily_review/error_rates: error_ratio becomes critical",
        failing("quikapp-api", 17),
    ),
    "quikapp-latency": Change(
        "quikapp",
        "a sixth of the API's requests take 0.5 to 1 s",
        "daily_review/dashboards: latency_p95 becomes warning",
        slow("quikapp-api", 85, ("1",)),
    ),
    "quikapp-message-delay": Change(
        "quikapp",
        "a sixth of the messages take 1 to 2.5 s",
        "daily_review/dashboards: message_delivery_p95 becomes warning",
        slow("quikapp-api", 55, ("2.5",), "message_delivery_duration_seconds"),
    ),
    "quikapp-kafka-lag": Change(
        "quikapp",
        "the group message-consumers falls 84,000 messages behind",
        "daily_review/dashboards: kafka_consumer_lag, seeded as warning, becomes critical",
        gauge("kafka_consumergroup_lag", 84_000, job="quikapp-kafka", partition="1"),
    ),
    "quikapp-kafka-broker": Change(
        "quikapp",
        "one of the three Kafka brokers is gone",
        "daily_review/dashboards: kafka_brokers becomes critical",
        gauge("kafka_brokers", 2, job="quikapp-kafka"),
    ),
    "quikapp-pool": Change(
        "quikapp",
        "the connection pool of the services is exhausted",
        "daily_review/dashboards: pool_usage_ratio becomes critical",
        gauge("hikaricp_connections_active", 40, job="quikapp-auth"),
    ),
    "quikapp-redis-memory": Change(
        "quikapp",
        "Redis uses 88 % of its memory",
        "daily_review/dashboards: redis_memory_ratio becomes warning",
        gauge("redis_memory_used_bytes", 0.88 * 2 * GIB, job="quikapp-redis"),
    ),
    "quikapp-logins": Change(
        "quikapp",
        "half of all logins fail",
        "daily_review/dashboards: login_failure_ratio becomes warning",
        (Effect("auth_login_attempts_total", {"job": "quikapp-auth", "result": "failure"}, 14),),
    ),
    "quikapp-crash-loop": Change(
        "quikapp",
        "a WebSocket pod keeps crashing",
        "daily_review/error_rates: crash_looping_containers becomes critical",
        gauge("kube_pod_container_status_waiting_reason", 1, namespace="quikapp-live", pod="websocket-0"),
    ),
    "quikapp-down": Change(
        "quikapp",
        "the API answers no scrape",
        "daily_review/dashboards: service_up becomes critical once it has held for 1 minute",
        down("quikapp-api"),
    ),
    "maintenance-api-errors": Change(
        "maintenance-api",
        "8 % of the requests are answered with 500",
        "daily_review/application_metrics: error_ratio becomes critical (and daily_review/objectives follow)",
        failing("maintenance-api", 3.6),
    ),
    "maintenance-api-latency": Change(
        "maintenance-api",
        "a sixth of the requests take 1 to 2.5 s",
        "daily_review/application_metrics: latency_p95 becomes warning once it has held for 5 minutes",
        slow("maintenance-api", 8, ("2.5",)),
    ),
    "maintenance-api-memory": Change(
        "maintenance-api",
        "a pod uses 94 % of its memory",
        "daily_review/resource_usage: container_memory_ratio becomes critical",
        gauge(
            "container_memory_working_set_bytes",
            0.94 * 128 * MIB,
            namespace="maintenance-api",
            pod="maintenance-api-0",
        ),
    ),
    "maintenance-api-node-memory": Change(
        "maintenance-api",
        "a node has 5 % of its memory left",
        "daily_review/resource_usage: node_memory_ratio becomes critical",
        gauge(
            "node_memory_MemAvailable_bytes", 0.8 * GIB, job="maintenance-api-node", instance="node-2:9100"
        ),
    ),
    "maintenance-api-replication-lag": Change(
        "maintenance-api",
        "the read replica is 7 minutes behind",
        "daily_review/resource_usage: replication_lag becomes warning",
        gauge("mysql_slave_status_seconds_behind_master", 420, job="maintenance-api-mysql"),
    ),
    "maintenance-api-database-down": Change(
        "maintenance-api",
        "the database refuses connections of its exporter",
        "daily_review/resource_usage: database_up becomes critical",
        gauge("mysql_up", 0, job="maintenance-api-mysql"),
    ),
    "maintenance-api-down": Change(
        "maintenance-api",
        "the service answers no scrape",
        "daily_review/application_metrics: service_up becomes critical once it has held for 1 minute",
        down("maintenance-api"),
    ),
    "zetra-errors": Change(
        "zetra",
        "7 % of the requests are answered with 500",
        "daily_checks/health_dashboards: error_ratio becomes critical",
        failing("zetra-app", 7.5),
    ),
    "zetra-slow": Change(
        "zetra",
        "a sixth of the requests take 5 to 10 s",
        "daily_checks/health_dashboards: response_time_p95 becomes critical",
        slow("zetra-app", 20, ("10",)),
    ),
    "zetra-down": Change(
        "zetra",
        "the application answers no scrape",
        "daily_checks/health_dashboards: application_up becomes critical once it has held for 1 minute",
        down("zetra-app"),
    ),
    "zetra-memory": Change(
        "zetra",
        "a node has 3 % of its memory left",
        "daily_checks/health_dashboards: memory_ratio, seeded as warning, becomes critical",
        gauge("node_memory_MemAvailable_bytes", 0.03 * 16 * GIB, job="zetra-node", instance="node-2:9100"),
    ),
    "zetra-disk": Change(
        "zetra",
        "a disk is 92 % full",
        "daily_checks/health_dashboards: disk_ratio becomes critical",
        gauge("node_filesystem_avail_bytes", 0.08 * 200 * GIB, job="zetra-node", instance="node-1:9100"),
    ),
    "zetra-pool": Change(
        "zetra",
        "the application's connection pool is exhausted",
        "daily_checks/health_dashboards: pool_usage_ratio becomes critical",
        gauge("db_pool_connections_in_use", 50, job="zetra-worker"),
    ),
    "zetra-database-down": Change(
        "zetra",
        "the database refuses connections of its exporter",
        "daily_checks/health_dashboards: database_up becomes critical",
        gauge("pg_up", 0, job="zetra-postgres"),
    ),
    "zetra-uploads": Change(
        "zetra",
        "a third of the uploads fail",
        "daily_checks/health_dashboards: upload_success_ratio becomes warning",
        (Effect("app_document_uploads_total", {"job": "zetra-worker", "result": "failure"}, 0.75),),
    ),
    "zetra-email-sync": Change(
        "zetra",
        "e-mail has not been synchronised for decades",
        "daily_checks/health_dashboards: email_sync_age becomes warning",
        gauge("app_email_sync_last_success_timestamp_seconds", 0, job="zetra-worker"),
    ),
    "zetra-breach": Change(
        "zetra",
        "Falco reports events of critical priority",
        "daily_checks/security_alerts: security_breaches becomes critical",
        (Effect("falco_events", {"job": "zetra-falco", "priority": "Critical"}, 0.0001, window=86_400.0),),
    ),
    "zetra-corruption": Change(
        "zetra",
        "database pages have a wrong checksum",
        "daily_checks/health_dashboards: corrupted_pages becomes critical",
        gauge("pg_stat_database_checksum_failures", 3, job="zetra-postgres"),
    ),
    "lessay-payments": Change(
        "lessay",
        "two payments in five fail",
        "daily_metrics/metrics: payment_success_ratio becomes critical",
        (Effect("payment_transactions_total", {"job": "lessay-payments", "result": "failure"}, 0.7),),
    ),
    "lessay-errors": Change(
        "lessay",
        "a tenth of the lesson requests are answered with 500",
        "daily_metrics/metrics: error_ratio becomes critical once it has held for 10 minutes",
        failing("lessay-api", 14, service="lessons"),
    ),
    "lessay-database-latency": Change(
        "lessay",
        "a sixth of the queries take 0.5 to 1 s",
        "daily_metrics/metrics: database_latency_p95 becomes warning",
        slow("lessay-worker", 100, ("1",), "db_query_duration_seconds"),
    ),
    "lessay-memory": Change(
        "lessay",
        "a node has 3 % of its memory left",
        "daily_metrics/metrics: memory_ratio becomes critical",
        gauge("node_memory_MemAvailable_bytes", 0.03 * 16 * GIB, job="lessay-node", instance="api-1:9100"),
    ),
    "lessay-disk": Change(
        "lessay",
        "a disk is 82 % full",
        "daily_metrics/metrics: disk_ratio becomes warning",
        gauge("node_filesystem_avail_bytes", 0.18 * 200 * GIB, job="lessay-node", instance="api-2:9100"),
    ),
    "lessay-replication-lag": Change(
        "lessay",
        "the payment replica is 10 minutes behind",
        "daily_metrics/metrics: payment_replication_lag becomes critical",
        gauge("pg_replication_lag_seconds", 600, job="lessay-postgres-dr"),
    ),
    "lessay-down": Change(
        "lessay",
        "the API answers no scrape",
        "daily_metrics/metrics: api_up becomes critical once it has held for 1 minute",
        down("lessay-api"),
    ),
    "tapio-slow": Change(
        "tapio",
        "a sixth of the requests take 1 to 2.5 s",
        "daily_automation/performance_metrics: response_time_p95 becomes warning",
        slow("tapio-server", 25, ("2.5",)),
    ),
    "tapio-memory": Change(
        "tapio",
        "a server pod uses 97 % of its memory",
        "daily_automation/performance_metrics: memory_ratio becomes critical",
        gauge(
            "container_memory_working_set_bytes",
            0.97 * 8 * GIB,
            namespace="tapio-system",
            pod="tapio-server-0",
        ),
    ),
    "tapio-volume": Change(
        "tapio",
        "the server's volume is 97 % full",
        "daily_automation/performance_metrics: volume_used_ratio becomes critical",
        gauge("kubelet_volume_stats_used_bytes", 97 * GIB, namespace="tapio-system"),
    ),
    "tapio-down": Change(
        "tapio",
        "tapio-server answers no scrape",
        "daily_automation/health_check: server_up becomes critical once it has held for 1 minute",
        down("tapio-server"),
    ),
}
