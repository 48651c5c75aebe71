"""The Airflow connections of the sandbox: what the catalog's connection ids mean here.

A part that has no port, because something it needs is not installed, gets no connection: the
checks that want it say so at once. One that ran and died keeps its connection and refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from sandbox.errors import SandboxError
from sandbox.estate import Endpoint, Estate
from sandbox.folders import files_of, repository_of
from sandbox.keys import backup_key
from sandbox.parts.mariadb import RESTORER
from sandbox.parts.postgres_cluster import SUPERUSER
from sandbox.seeds.aws_names import ACCESS_KEY, SECRET_KEY

ROLES: Mapping[str, tuple[str, ...]] = {
    "quikapp": ("mysql", "redis", "kafka"),
    "maintenance-api": ("mysql", "restore"),
    "zetra": ("postgres", "redis", "restore", "files"),
    "lessay": ("postgres", "restore", "files", "git"),
    "tapio": ("postgres", "restore", "files"),
}
"""The roles that each system has besides those that all have."""

COMMON_ROLES = ("prometheus", "alertmanager", "kubernetes", "aws", "http", "backup_key")

HEALTH_URLS = {"identity_provider": "identity-provider", "payments": "payment-provider"}
"""Outside end points of the catalog, by name, and who stands for them here."""

_OWNERS = {"zetra": "zetra_admin", "lessay": "lessay", "tapio": "tapio"}


def airflow_connections(estate: Estate) -> dict[str, str]:
    """Return connection id to the connection as JSON, as AIRFLOW_CONN_<ID> takes it.

    The values contain passwords: they belong into an environment, not into a log.
    """
    found = {}
    for system, own in ROLES.items():
        for role in (*COMMON_ROLES, *own):
            connection = _ROLES[role](estate, system)
            if connection is not None:
                found[f"{system.replace('-', '_')}_{role}"] = json.dumps(connection)
    ledger = _database(estate, "platform", "postgres", "ledger", "ledger")
    own = _channels(estate) | ({"upkeep_ledger": ledger} if ledger else {})
    return found | {name: json.dumps(connection) for name, connection in own.items()}


def platform_url(estate: Estate, database: str, driver: str = "postgresql+psycopg2") -> str:
    """Return the SQLAlchemy URL of a database of the platform cluster (it contains a password)."""
    part = estate.part("platform")
    password = quote(estate.password("platform", database), safe="")
    return f"{driver}://{database}:{password}@{part.host}:{part.port}/{database}"


def _known(estate: Estate, name: str) -> Endpoint | None:
    """Return a part that has a port, whether it answers there or not."""
    part = estate.parts.get(name)
    return part if part is not None and part.port else None


def _web(name: str) -> Callable[[Estate, str], dict[str, Any] | None]:
    def connection(estate: Estate, _: str) -> dict[str, Any] | None:
        part = _known(estate, name)
        if part is None:
            return None
        return {"conn_type": "http", "host": part.host, "port": part.port, "schema": "http"}

    return connection


def _kubernetes(estate: Estate, system: str) -> dict[str, Any] | None:
    part = _known(estate, "kubernetes")
    if part is None:
        return None
    return {
        "conn_type": "kubernetes",
        "extra": {
            "in_cluster": False,
            "kube_config_path": part.details["kubeconfig"],
            "cluster_context": system,
            "namespace": part.details["namespaces"][system],
        },
    }


def _aws(estate: Estate, _: str) -> dict[str, Any] | None:
    part = _known(estate, "aws")
    if part is None:
        return None
    return {
        "conn_type": "aws",
        "login": ACCESS_KEY,
        "password": SECRET_KEY,
        "extra": {"endpoint_url": part.url, "region_name": part.details["region"]},
    }


def _database(estate: Estate, part: str, kind: str, user: str, database: str) -> dict[str, Any] | None:
    found = _known(estate, part)
    if found is None:
        return None
    return {
        "conn_type": kind,
        "host": found.host,
        "port": found.port,
        "login": user,
        "password": estate.password(part, user),
        "schema": database,
    }


def _channels(estate: Estate) -> dict[str, dict[str, Any]]:
    """The channels that pages go through; they end in the capture server and the mailbox."""
    capture, mail = _known(estate, "capture"), _known(estate, "mail")
    if capture is None or mail is None:
        return {}
    ca = {"ca_file": capture.details["ca_file"]}
    smtp = {**ca, "disable_ssl": True, "from_email": "upkeep@upkeep.example"}
    https = {"host": capture.details["https_url"], "password": "sandbox"}
    slack = {"base_url": f"{capture.url}/slack/api"}
    return {
        "upkeep_slack": {"conn_type": "slack", "password": "sandbox", "extra": slack},
        "upkeep_pagerduty": {"conn_type": "pagerduty_events", **https, "extra": ca},
        "upkeep_smtp": {"conn_type": "smtp", "host": mail.host, "port": mail.port, "extra": smtp},
        "upkeep_webhook": {"conn_type": "http", **https, "extra": {**ca, "path": "/webhook"}},
    }


def _mysql(estate: Estate, system: str) -> dict[str, Any] | None:
    name = f"mysql-{system}"
    part = _known(estate, name)
    if part is None:
        return None
    found = _database(estate, name, "mysql", part.details["user"], part.details["database"])
    return found and {**found, "extra": {"client": "mysql-connector-python"}}


def _postgres(estate: Estate, system: str) -> dict[str, Any] | None:
    return _database(estate, "postgres", "postgres", _OWNERS[system], system)


def _restore(estate: Estate, system: str) -> dict[str, Any] | None:
    """Where databases are restored: the same server, as its administrator."""
    if "mysql" not in ROLES[system]:
        return _database(estate, "postgres", "postgres", SUPERUSER, "postgres")
    found = _database(estate, f"mysql-{system}", "mysql", RESTORER, "mysql")
    return found and {**found, "extra": {"client": "mysql-connector-python"}}


def _backup_key(_: Estate, system: str) -> dict[str, Any]:
    recipient, identity = backup_key(system)
    return {"conn_type": "generic", "login": recipient, "password": identity}


def _files(_: Estate, system: str) -> dict[str, Any]:
    return {"conn_type": "fs", "extra": {"path": str(files_of(system))}}


def _git(_: Estate, system: str) -> dict[str, Any]:
    return {"conn_type": "generic", "host": str(repository_of(system))}


def _redis(estate: Estate, system: str) -> dict[str, Any] | None:
    part = _known(estate, "redis")
    if part is None:
        return None
    return {
        "conn_type": "redis",
        "host": part.host,
        "port": part.port,
        "password": estate.password("redis", "default"),
        "extra": {"db": part.details["databases"][system]},
    }


def _kafka(estate: Estate, _: str) -> dict[str, Any] | None:
    part = _known(estate, "kafka")
    if part is None:
        return None
    return {"conn_type": "kafka", "extra": {"bootstrap.servers": f"{part.host}:{part.port}"}}


def _http(estate: Estate, system: str) -> dict[str, Any] | None:
    """The system's own address; its extra leads names of the outside world to the sandbox."""
    health, tls = _known(estate, "health"), _known(estate, "tls")
    if health is None:
        return None
    urls = health.details["urls"]
    host, _, port = str(urls[system]).removeprefix("http://").partition(":")
    if not port:
        raise SandboxError(f"the sandbox's health end point of {system} has no port")
    extra: dict[str, Any] = {"health_urls": {name: urls[there] for name, there in HEALTH_URLS.items()}}
    if tls is not None:
        extra |= {"ca_file": tls.details["ca_file"], "tls_endpoints": tls.details["names"]}
    return {"conn_type": "http", "host": host, "port": int(port), "schema": "http", "extra": extra}


_ROLES: Mapping[str, Callable[[Estate, str], dict[str, Any] | None]] = {
    "prometheus": _web("prometheus"),
    "alertmanager": _web("alertmanager"),
    "kubernetes": _kubernetes,
    "aws": _aws,
    "http": _http,
    "mysql": _mysql,
    "postgres": _postgres,
    "redis": _redis,
    "kafka": _kafka,
    "restore": _restore,
    "backup_key": _backup_key,
    "files": _files,
    "git": _git,
}
