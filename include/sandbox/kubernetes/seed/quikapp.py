"""quikapp: messaging on Phoenix and Spring, in the namespace quikapp-live."""

from __future__ import annotations

from sandbox.kubernetes.seed import builders
from sandbox.kubernetes.seed.builders import App
from sandbox.kubernetes.seed.gardener import Gardener
from sandbox.kubernetes.seed.scripts import Pattern, chatter

NAMESPACE = "quikapp-live"
_REGISTRY = "registry.quikapp.com/quikapp"


def _app(name: str, tag: str, replicas: int, port: int = 8080) -> App:
    return App(
        namespace=NAMESPACE,
        name=name,
        image=f"{_REGISTRY}/{name}:{tag}",
        replicas=replicas,
        port=port,
        secret="quikapp-database",  # noqa: S106 - the secret's name
        config="quikapp-config",
    )


_APPS = (
    _app("api", "2.14.3", 3),
    _app("websocket", "2.14.1", 3, 4000),
    _app("message-consumers", "2.14.3", 2),
    _app("auth-service", "1.9.0", 2),
    _app("notification-service", "1.6.2", 2),
    _app("media-service", "1.4.8", 2),
)

_LOGS = {
    "api": chatter(
        Pattern("INFO  http request completed status=200 duration_ms={ms} request_id={id}", 120),
        Pattern("WARN  pool connection acquisition slow wait_ms={ms}", 4),
        Pattern('ERROR http request failed status=500 error="upstream timeout" request_id={id}', 5),
        Pattern("ERROR jdbc statement cancelled after {ms} ms query_id={id}", 2),
    ),
    "websocket": chatter(
        Pattern("INFO  phoenix joined channel=room:{n} in {ms}ms", 120),
        Pattern("ERROR phoenix push failed channel=room:{n} reason=closed socket={id}", 3),
    ),
    "message-consumers": chatter(
        Pattern("INFO  kafka committed group=message-consumers partition={n} records={n}", 96),
        Pattern("WARN  kafka rebalance group=message-consumers generation={n}", 1),
        Pattern('ERROR kafka message rejected partition={n} error="schema mismatch" id={id}', 2),
    ),
    "auth-service": chatter(
        Pattern("INFO  login succeeded method=sso duration_ms={ms} session={id}", 90),
        Pattern('WARN  login failed reason="bad credentials" attempts={n}', 6),
        Pattern('ERROR token refresh failed provider=login.microsoftonline.com error="timeout" id={id}', 2),
    ),
    "notification-service": chatter(
        Pattern("INFO  push delivered count={n} duration_ms={ms}", 60),
        Pattern("ERROR push rejected provider=fcm code=404 device={id}", 2),
    ),
    "media-service": chatter(
        Pattern("INFO  upload stored bucket=quikapp-media-live key=files/{id} duration_ms={ms}", 60),
    ),
}


def plant(gardener: Gardener) -> None:
    """Create the namespace and all that is in it."""
    gardener.write_logs(NAMESPACE, _LOGS)
    gardener.add(
        builders.namespace(NAMESPACE),
        builders.default_deny(NAMESPACE),
        builders.secret(NAMESPACE, "quikapp-database", "MYSQL_USER", "MYSQL_PASSWORD"),
        builders.config_map(
            NAMESPACE,
            "quikapp-config",
            {"KAFKA_GROUP": "message-consumers", "DB_POOL_SIZE": "50", "REDIS_MAXMEMORY": "2gb"},
        ),
    )
    gardener.deploy(*_APPS)
    for app in _APPS:
        gardener.add(
            builders.service(NAMESPACE, app.name, app.selector, app.port),
            builders.allow(NAMESPACE, app.name, ["api", "websocket"], app.port),
            builders.budget(NAMESPACE, app.name, app.selector),
        )
    hosts = {"api.quikapp.com": "api", "ws.quikapp.com": "websocket", "auth.quikapp.com": "auth-service"}
    gardener.certify(builders.certificate(NAMESPACE, "quikapp-tls", *hosts), days_left=62)
    gardener.add(builders.ingress(NAMESPACE, "quikapp", hosts, "quikapp-tls"))
    gardener.late += [
        builders.autoscaler(NAMESPACE, "api", 3, 12, (0, 300)),
        builders.autoscaler(NAMESPACE, "websocket", 3, 12, (0, 300)),
    ]
