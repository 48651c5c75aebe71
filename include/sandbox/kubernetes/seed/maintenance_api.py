"""The Maintenance API: one deployment, MySQL in a pod, in the namespace maintenance-api."""

from __future__ import annotations

from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.seed import builders
from sandbox.kubernetes.seed.builders import App
from sandbox.kubernetes.seed.gardener import Cron, Gardener
from sandbox.kubernetes.seed.scripts import Pattern, at_start, chatter

NAMESPACE = "maintenance-api"

_SECRET = "mysql-credentials"  # noqa: S105 - its name
_API = App(
    namespace=NAMESPACE,
    name="maintenance-api",
    image="ghcr.io/yourusername/maintenance-api:1.4.2",
    cpu="100m",
    memory="128Mi",
    cpu_limit="500m",
    memory_limit="256Mi",
    secret=_SECRET,
)
_MYSQL = App(
    namespace=NAMESPACE,
    name="mysql",
    image="mysql:8.0.36",
    replicas=1,
    port=3306,
    memory="512Mi",
    secret=_SECRET,
    claim="mysql-data",
)
_BACKUP = App(
    namespace=NAMESPACE,
    name="mysql-backup",
    image="ghcr.io/yourusername/mysql-backup:1.1.0",
    secret=_SECRET,
)


def _backup_log(_: Object) -> list[str]:
    return [
        "INFO  mysqldump started database=tasks_db",
        "INFO  upload completed target=s3://maintenance-api-backups encryption=AES256",
        "INFO  backup completed database=tasks_db tables=7",
    ]


_LOGS = {
    "maintenance-api": chatter(
        Pattern("INFO  request method=GET path=/tasks status=200 duration_ms={ms} id={id}", 150),
        Pattern("INFO  request method=POST path=/tasks status=201 duration_ms={ms} id={id}", 30),
        Pattern('ERROR request method=GET path=/tasks status=500 error="invalid connection" id={id}', 3),
        Pattern("ERROR database ping failed: dial tcp mysql:3306: i/o timeout attempt={n}", 1.5),
    ),
    "mysql": chatter(
        Pattern("[Note] [MY-010914] [Server] Aborted connection {n} to db: 'tasks_db'", 5),
        Pattern("[Warning] [MY-013360] [Server] Plugin mysql_native_password is deprecated", 1),
    ),
    "mysql-backup": at_start(_backup_log),
}


def plant(gardener: Gardener) -> None:
    """Create the namespace and all that is in it."""
    gardener.write_logs(NAMESPACE, _LOGS)
    gardener.add(
        builders.namespace(NAMESPACE),
        builders.default_deny(NAMESPACE),
        builders.allow(NAMESPACE, "mysql", ["maintenance-api", "mysql-backup"], 3306),
        builders.allow(NAMESPACE, "maintenance-api", ["ingress-nginx"], 8080),
        builders.secret(NAMESPACE, _SECRET, "MYSQL_USER", "MYSQL_PASSWORD"),
        builders.config_map(NAMESPACE, "maintenance-api-config", {"LOG_LEVEL": "info"}),
        builders.claim(NAMESPACE, "mysql-data", "1Gi", "mysql"),
    )
    gardener.deploy(_API, _MYSQL)
    gardener.add(
        builders.service(NAMESPACE, "maintenance-api", _API.selector, 8080),
        builders.service(NAMESPACE, "mysql", _MYSQL.selector, 3306),
        builders.budget(NAMESPACE, "maintenance-api", _API.selector),
        builders.ingress(
            NAMESPACE,
            "maintenance-api",
            {"maintenance-api.company.com": "maintenance-api"},
            "maintenance-api-tls",
        ),
    )
    certificate = builders.certificate(NAMESPACE, "maintenance-api-tls", "maintenance-api.company.com")
    gardener.certify(certificate, days_left=71)
    gardener.schedule(Cron(app=_BACKUP, schedule="0 2 * * *", seconds=95))
    gardener.late.append(builders.autoscaler(NAMESPACE, "maintenance-api", 2, 20, (120, 300)))
