"""Tapio: servers, agents and the tools around them, in the namespace tapio-system."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.kubernetes.seed import builders, tapio_logs
from sandbox.kubernetes.seed.archive import INDEX, Archiver, index_until
from sandbox.kubernetes.seed.builders import App
from sandbox.kubernetes.seed.gardener import Cron, Gardener

NAMESPACE = "tapio-system"
_VERSION = "v1.2.3"
_SECRET = "tapio-credentials"  # noqa: S105 - its name


def _app(name: str, image: str, replicas: int = 1, **more: Any) -> App:
    return App(
        namespace=NAMESPACE,
        name=name,
        image=f"{image}:{_VERSION}",
        replicas=replicas,
        secret=_SECRET,
        config="tapio-config",
        **more,
    )


_SERVER = _app(
    "tapio-server",
    "tapio",
    3,
    container="server",
    port=8443,
    cpu="1",
    memory="2Gi",
    cpu_limit="2",
    memory_limit="4Gi",
    labels={"version": "blue"},
    claim="data-tapio-server-0",
)
_AGENT = _app("tapio-agent", "tapio-agent", container="agent", port=9090)
_DASHBOARD = _app("tapio-dashboard", "tapio-dashboard", 2, container="dashboard")
_TOOLS = tuple(
    _app(name, name, cpu="100m", memory="128Mi")
    for name in (
        "log-archiver",
        "backup-manager",
        "maintenance-controller",
        "metrics-analyzer",
        "capacity-planner",
        "metrics-collector",
        "network-monitor",
    )
)
_SCAN = _app("vulnerability-scan", "tapio-scanner", labels={"job": "weekly-scan"})


def _backup(part: str, schedule: str, seconds: int) -> Cron:
    app = _app(f"backup-{part}", "backup-manager", app="backup", labels={"part": part})
    return Cron(app=app, schedule=schedule, seconds=seconds)


def plant(gardener: Gardener) -> None:
    """Create the namespace and all that is in it."""
    gardener.write_logs(NAMESPACE, tapio_logs.SCRIPTS)
    gardener.add(
        builders.namespace(NAMESPACE),
        builders.default_deny(NAMESPACE),
        builders.secret(NAMESPACE, _SECRET, "DATABASE_URL", "API_TOKEN"),
        builders.config_map(
            NAMESPACE, "tapio-config", {"cache-size": "1Gi", "log-level": "info", "retention-days": "30"}
        ),
        builders.config_map(NAMESPACE, "security-advisories", _advisories(gardener.now)),
        builders.config_map(NAMESPACE, INDEX, index_until(gardener.now, days=30)),
        builders.claim(NAMESPACE, "data-tapio-server-0", "100Gi", "tapio"),
        builders.claim(NAMESPACE, "log-archive", "500Gi", "tapio"),
    )
    gardener.deploy(_SERVER, _DASHBOARD, *_TOOLS)
    _expose(gardener)
    _customize(gardener)
    gardener.schedule(
        _backup("daily", "0 0 * * *", 240),
        _backup("weekly", "0 1 * * 0", 1800),
        Cron(app=_SCAN, schedule="0 2 * * 0", seconds=360, suffix="", kept=1),
    )
    archiver = Archiver(gardener.cluster)
    gardener.cluster.manager.add(archiver)
    archiver.start(gardener.now)


def _expose(gardener: Gardener) -> None:
    gardener.add(
        _AGENT.workload("DaemonSet"),
        builders.service(NAMESPACE, "tapio-server", _SERVER.selector, 8443),
        builders.service(NAMESPACE, "tapio-dashboard", _DASHBOARD.selector, 8080),
        builders.ingress(NAMESPACE, "tapio", {"tapio.example.com": "tapio-server"}, "tapio-server-tls"),
        builders.budget(NAMESPACE, "tapio-server", _SERVER.selector),
        builders.allow(
            NAMESPACE, "tapio-server", ["tapio-agent", "tapio-dashboard", "network-monitor"], 8443
        ),
        builders.allow(NAMESPACE, "tapio-dashboard", ["ingress-nginx"], 8080),
    )
    for name, hosts, days_left in (
        ("tapio-server-tls", ("tapio.example.com", "tapio-server.tapio-system.svc"), 66),
        ("tapio-agent-tls", ("tapio-agent.tapio-system.svc",), 66),
        ("tapio-dashboard-tls", ("dashboard.tapio.example.com",), 26),
    ):
        gardener.certify(builders.certificate(NAMESPACE, name, *hosts), days_left=days_left)


def _customize(gardener: Gardener) -> None:
    version = "tapio.io/v1alpha1"
    settings = {"replicas": 3, "sampling": 0.25, "retentionDays": 30}
    gardener.add(builders.custom(version, "TapioConfig", NAMESPACE, "production", settings))
    rules = {
        "oom-after-deploy": {"when": ["rollout", "OOMKilled"], "within": "10m", "severity": "high"},
        "network-partition": {"when": ["dns-timeout", "tcp-reset"], "within": "2m", "severity": "critical"},
        "disk-pressure": {"when": ["disk-full", "evicted"], "within": "30m", "severity": "medium"},
    }
    for name, spec in rules.items():
        gardener.add(builders.custom(version, "CorrelationRule", NAMESPACE, name, spec))


def _advisories(now: datetime) -> dict[str, str]:
    body = (
        "id: TAPIO-2026-004\nseverity: high\naffected: tapio-agent < v1.2.3-patch\n"
        "cve: CVE-2023-39325\nfixed-in: v1.2.3-patch\n"
        "summary: HTTP/2 rapid stream resets can exhaust the agent's CPU\n"
    )
    return {"TAPIO-2026-004.yaml": body, "updated-at": now.strftime("%Y-%m-%d")}
