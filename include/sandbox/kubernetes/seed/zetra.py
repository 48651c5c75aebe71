"""Zetra: blue and green deployments behind one service, in the namespace production."""

from __future__ import annotations

from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.seed import builders
from sandbox.kubernetes.seed.builders import App
from sandbox.kubernetes.seed.gardener import Cron, Gardener
from sandbox.kubernetes.seed.scripts import Pattern, at_start, chatter

NAMESPACE = "production"
_REGISTRY = "registry.zetra.app"
_SECRET = "zetra-database"  # noqa: S105 - its name


def _platform(slot: str, tag: str) -> App:
    return App(
        namespace=NAMESPACE,
        name=f"zetra-platform-{slot}",
        app="zetra-platform",
        container="zetra-app",
        image=f"{_REGISTRY}/zetra-platform:{tag}",
        replicas=3,
        port=3000,
        memory="512Mi",
        labels={"slot": slot},
        secret=_SECRET,
    )


_BLUE, _GREEN = _platform("blue", "2.8.0"), _platform("green", "2.7.4")
_POSTGRES = App(
    namespace=NAMESPACE,
    name="postgres",
    image="postgres:15.10",
    replicas=1,
    port=5432,
    memory="1Gi",
    memory_limit="4Gi",
    secret=_SECRET,
)
_REDIS = App(namespace=NAMESPACE, name="redis", image="redis:7.2.6", replicas=1, port=6379)


def _backup(part: str, schedule: str, seconds: int, suffix: str = "%Y%m%d") -> Cron:
    app = App(
        namespace=NAMESPACE,
        name=f"backup-{part}",
        image=f"{_REGISTRY}/backup-restore:1.3.0",
        secret=_SECRET,
        labels={"part": part},
        app="backup",
    )
    return Cron(app=app, schedule=schedule, seconds=seconds, suffix=suffix)


def _backup_log(pod: Object) -> list[str]:
    part = pod["metadata"]["labels"].get("part", "all")
    return [
        f"INFO  backup started part={part}",
        f"INFO  backup completed part={part} encrypted=true verified=true",
    ]


_LOGS = {
    "zetra-platform": chatter(
        Pattern("INFO  GET /api/tasks 200 {ms}ms requestId={id}", 150),
        Pattern("INFO  POST /api/documents 201 {ms}ms requestId={id}", 40),
        Pattern("WARN  slow query duration={ms}ms table=tasks", 6),
        Pattern(
            "ERROR PrismaClientKnownRequestError: P2024 timed out fetching a connection requestId={id}", 3
        ),
        Pattern("ERROR email sync failed account={id} error=ETIMEDOUT", 2),
    ),
    "postgres": chatter(
        Pattern("LOG:  checkpoint complete: wrote {n} buffers", 96),
        Pattern("LOG:  duration: {ms} ms  statement: SELECT * FROM tasks WHERE assigned_to = $1", 4),
    ),
    "redis": chatter(Pattern("* Background saving terminated with success", 24)),
    "backup": at_start(_backup_log),
}


def plant(gardener: Gardener) -> None:
    """Create the namespace and all that is in it."""
    gardener.write_logs(NAMESPACE, _LOGS)
    gardener.add(
        builders.namespace(NAMESPACE),
        builders.default_deny(NAMESPACE),
        builders.allow(NAMESPACE, "zetra-platform", ["ingress-nginx"], 3000),
        builders.allow(NAMESPACE, "postgres", ["zetra-platform", "backup"], 5432),
        builders.allow(NAMESPACE, "redis", ["zetra-platform"], 6379),
        builders.secret(NAMESPACE, _SECRET, "DATABASE_URL", "POSTGRES_PASSWORD"),
        builders.config_map(NAMESPACE, "zetra-config", {"NODE_ENV": "production", "MAINTENANCE_MODE": "off"}),
        builders.claim(NAMESPACE, "zetra-uploads", "100Gi", "zetra-platform"),
    )
    gardener.deploy(_BLUE, _GREEN, _REDIS)
    data = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}},
    }
    gardener.add(
        _POSTGRES.workload("StatefulSet", serviceName="postgres", volumeClaimTemplates=[data]),
        builders.service(NAMESPACE, "zetra-platform-active", _BLUE.selector, 3000),
        builders.service(NAMESPACE, "zetra-platform-blue", _BLUE.selector, 3000),
        builders.service(NAMESPACE, "zetra-platform-green", _GREEN.selector, 3000),
        builders.service(NAMESPACE, "postgres", _POSTGRES.selector, 5432),
        builders.service(NAMESPACE, "redis", _REDIS.selector, 6379),
        builders.ingress(
            NAMESPACE, "zetra-platform-ingress", {"zetra.app": "zetra-platform-active"}, "zetra-app-tls"
        ),
        builders.budget(NAMESPACE, "zetra-platform-blue", _BLUE.selector),
    )
    gardener.certify(
        builders.certificate(NAMESPACE, "zetra-app-tls", "zetra.app", "www.zetra.app"), days_left=55
    )
    gardener.schedule(
        _backup("database", "0 */6 * * *", 140, "%Y%m%d-%H%M"),
        _backup("files", "0 1 * * *", 420),
        _backup("configuration", "30 1 * * *", 20),
        _backup("full-system", "0 3 * * 0", 1500),
    )
