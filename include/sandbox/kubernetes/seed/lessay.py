"""Lessay: lessons and payments, in the namespace lessay. The API also runs as a systemd unit elsewhere."""

from __future__ import annotations

from sandbox.kubernetes.seed import builders
from sandbox.kubernetes.seed.builders import App
from sandbox.kubernetes.seed.gardener import Gardener
from sandbox.kubernetes.seed.scripts import Pattern, chatter

NAMESPACE = "lessay"


def _app(name: str, tag: str, replicas: int, **more: str) -> App:
    return App(
        namespace=NAMESPACE,
        name=name,
        image=f"registry.lessay.com/{more.pop('image', name)}:{tag}",
        replicas=replicas,
        labels=more,
        secret="lessay-database",  # noqa: S106 - the secret's name
    )


_APPS = (
    _app("lessay-api", "3.5.1", 3, track="stable"),
    _app("lessay-api-canary", "3.5.1", 0, image="lessay-api", track="canary"),
    _app("lessay-auth", "2.2.0", 2),
    _app("lessay-payments", "1.12.4", 2),
    _app("lessay-web", "3.5.1", 2),
    _app("lessay-worker", "3.5.1", 2),
)

_LOGS = {
    "lessay-api": chatter(
        Pattern("INFO  request path=/lessons status=200 duration_ms={ms} trace={id}", 150),
        Pattern("WARN  request slow path=/lessons duration_ms={ms} trace={id}", 5),
        Pattern('ERROR request path=/lessons/{n} status=500 error="deadlock detected" trace={id}', 3),
    ),
    "lessay-payments": chatter(
        Pattern("INFO  payment succeeded provider=stripe duration_ms={ms} intent={id}", 70),
        Pattern("WARN  payment declined provider=stripe code=card_declined intent={id}", 4),
        Pattern('ERROR payment failed provider=stripe error="api_connection_error" intent={id}', 2),
    ),
    "lessay-auth": chatter(
        Pattern("INFO  login succeeded duration_ms={ms} session={id}", 80),
        Pattern('ERROR login failed error="identity provider timeout" session={id}', 2),
    ),
    "lessay-web": chatter(Pattern("INFO  rendered page=/lessons in {ms}ms", 60)),
    "lessay-worker": chatter(Pattern("INFO  job completed queue=progress count={n} duration_ms={ms}", 60)),
}


def plant(gardener: Gardener) -> None:
    """Create the namespace and all that is in it."""
    gardener.write_logs(NAMESPACE, _LOGS)
    gardener.add(
        builders.namespace(NAMESPACE),
        builders.default_deny(NAMESPACE),
        builders.secret(NAMESPACE, "lessay-database", "DATABASE_URL", "STRIPE_API_KEY"),
        builders.config_map(NAMESPACE, "lessay-config", {"PAYMENTS_PROVIDER": "stripe"}),
    )
    gardener.deploy(*_APPS)
    for app in _APPS:
        gardener.add(
            builders.service(NAMESPACE, app.name, app.selector, app.port),
            builders.allow(NAMESPACE, app.name, ["ingress-nginx", "lessay-web", "lessay-api"], app.port),
        )
    hosts = {"api.lessay": "lessay-api", "lessay.com": "lessay-web"}
    gardener.certify(builders.certificate(NAMESPACE, "lessay-tls", *hosts), days_left=48)
    gardener.add(builders.ingress(NAMESPACE, "lessay", hosts, "lessay-tls"))
