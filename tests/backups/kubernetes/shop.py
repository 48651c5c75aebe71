"""A namespace with one of everything that an export must think about."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

from upkeep.backups.kubernetes.kinds import DEFINITIONS, by_object, identity, name_of, served_kinds
from upkeep.backups.kubernetes.readiness import not_ready
from upkeep.clients.answers import NotFoundError
from upkeep.clients.kubernetes.api import Api

IMAGE = "registry.k8s.io/pause:3.10"
PASSWORD = "correct-horse-battery-staple"
GROUP = "shop.upkeep.example"
SETTINGS_OF = {"app": "web"}

Object = dict[str, Any]


def encoded(text: str) -> str:
    """As secrets hold it."""
    return base64.b64encode(text.encode()).decode()


def make(api_version: str, kind: str, name: str, labels: Object | None = None, **body: Any) -> Object:
    """An object."""
    metadata: Object = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def pods(name: str, image: str = IMAGE, **spec: Any) -> Object:
    """A template."""
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}}}
    container |= spec.pop("container", {})
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **spec}}


def workload(kind: str, name: str, replicas: int | None = 1, image: str = IMAGE, **spec: Any) -> Object:
    """A deployment, stateful set or daemon set."""
    more: Object = {"selector": {"matchLabels": {"app": name}}, "template": pods(name, image, **spec)}
    if replicas is not None:
        more["replicas"] = replicas
    if kind == "StatefulSet":
        more["serviceName"] = name
    return make("apps/v1", kind, name, {"app": name}, spec=more)


def claim(name: str, storage_class: str = "standard", size: str = "1Gi") -> Object:
    """A claim."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    return make("v1", "PersistentVolumeClaim", name, {"app": "web"}, spec=spec)


def definition() -> Object:
    """A kind of the shop's own, whose price must be a number."""
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"price": {"type": "integer"}, "of": {"type": "string"}}}
        },
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "offers", "singular": "offer", "kind": "Offer", "listKind": "OfferList"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    return make("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"offers.{GROUP}", spec=spec)


def objects(namespace: str) -> list[Object]:
    """All of the shop, in an order in which it can be made."""
    settings = [{"secretRef": {"name": "login"}}, {"configMapRef": {"name": "settings"}}]
    bind = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    account = {"kind": "ServiceAccount", "name": "web", "namespace": namespace}
    port = {"port": 80, "protocol": "TCP", "targetPort": 8080}
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    from_here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    cron = {"template": {"spec": pods("cron")["spec"] | {"restartPolicy": "Never"}}}
    return [
        make("v1", "ServiceAccount", "web"),
        make("rbac.authorization.k8s.io/v1", "RoleBinding", "viewers", roleRef=bind, subjects=[account]),
        make("v1", "Secret", "login", type="Opaque", data={"PASSWORD": encoded(PASSWORD)}),
        make(
            "v1",
            "Secret",
            "database",
            type="Opaque",
            data={"URL": encoded(f"postgres://db.{namespace}.svc.cluster.local/shop")},
        ),
        make(
            "v1", "ConfigMap", "settings", SETTINGS_OF, data={"db": f"db.{namespace}.svc:5432", "log": "info"}
        ),
        make("v1", "ConfigMap", "careless", data={"config": f"password={PASSWORD}\n"}),
        make("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [port]}),
        make("v1", "Service", "db", spec={"clusterIP": "None", "selector": {"app": "db"}, "ports": [port]}),
        make(
            "v1", "Service", "public", spec={"type": "NodePort", "selector": {"app": "web"}, "ports": [port]}
        ),
        make(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "inside",
            spec={"podSelector": {}, "ingress": [{"from": [from_here]}]},
        ),
        workload("Deployment", "web", 2, serviceAccountName="web", container={"envFrom": settings}),
        workload("StatefulSet", "db", 1),
        workload("DaemonSet", "agent", None),
        make("batch/v1", "CronJob", "night", spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": cron}}),
        make(f"{GROUP}/v1", "Offer", "tea", spec={"price": 3, "of": "tea"}),
        make(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "web",
            spec={"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4},
        ),
        make(
            "policy/v1",
            "PodDisruptionBudget",
            "web",
            spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        ),
        make(
            "networking.k8s.io/v1",
            "Ingress",
            "web",
            spec={"rules": [{"host": "shop.example.com", "http": {"paths": [path]}}]},
        ),
    ]


def create(api: Api, namespace: str, *made: Object) -> None:
    """Make objects as a client would."""
    kinds = by_object(served_kinds(api))
    for obj in made:
        kind = kinds[identity(obj)]
        api.send("POST", kind.path(namespace if kind.namespaced else None), obj)


def plant(api: Api, namespace: str, *more: Object) -> None:
    """Open the shop in a namespace that is there, and wait until it runs."""
    if get(api, DEFINITIONS.path(None, name_of(definition()))) is None:
        create(api, namespace, definition())
        until(lambda: any(kind.plural == "offers" for kind in served_kinds(api)), "the kind Offer")
    create(api, namespace, *objects(namespace), *more)
    until(lambda: not not_ready(api, namespace), f"{namespace} runs")


def get(api: Api, path: str) -> Object | None:
    """What is at a path, None if nothing is."""
    try:
        return api.get(path)
    except NotFoundError:
        return None


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Return the condition's first true answer."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return answer
