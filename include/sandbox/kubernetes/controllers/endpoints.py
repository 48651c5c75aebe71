"""Endpoints and EndpointSlices: the pods behind each service."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.objects import (
    Key,
    Object,
    dig,
    is_finished,
    is_ready,
    key_of,
    labels_of,
    owner_reference,
)
from sandbox.kubernetes.store import Change


class EndpointLists(Controller):
    """Keeps the lists of addresses."""

    resource = "services"

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at changed services, and at the services that a changed pod is or was behind."""
        if change.resource.qualified == "services":
            return [key_of(change.object)]
        if change.resource.qualified != "pods":
            return []
        states = [obj for obj in (change.object, change.previous) if obj]
        services = self.cluster.all("services", key_of(change.object)[0])
        return [key_of(s) for s in services if any(_selects(s, labels_of(pod)) for pod in states)]

    def reconcile(self, key: Key) -> float | None:
        """Write both lists."""
        service = self.get(key)
        if service is None or not service["spec"].get("selector"):
            return None
        pods = [
            pod
            for pod in self.cluster.all("pods", key[0])
            if _selects(service, labels_of(pod)) and dig(pod, "status", "podIP") and not is_finished(pod)
        ]
        self._write("endpoints", _endpoints(service, pods))
        self._write("endpointslices.discovery.k8s.io", _slice(service, pods))
        return None

    def _write(self, qualified: str, obj: Object) -> None:
        resource, store = self.cluster.registry[qualified], self.cluster.store
        old = store.get(resource, *key_of(obj))
        if old is None:
            store.create(resource, obj)
        else:
            store.update(resource, {**obj, "metadata": {**old["metadata"], **obj["metadata"]}})


def _selects(service: Object, labels: dict[str, str]) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _target(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod"} | {key: metadata[key] for key in ("name", "namespace", "uid")}


def _port_number(port: Object, pods: list[Object]) -> int:
    """Return the target port's number; a name is looked up in the pods' containers."""
    target = port["targetPort"]
    if isinstance(target, int):
        return target
    named = (
        int(entry["containerPort"])
        for pod in pods
        for container in pod["spec"]["containers"]
        for entry in container.get("ports") or ()
        if entry.get("name") == target
    )
    return next(named, int(port["port"]))


def _ports(service: Object, pods: list[Object]) -> list[Object]:
    return [
        {"port": _port_number(p, pods), "protocol": p["protocol"]}
        | ({"name": p["name"]} if "name" in p else {})
        for p in service["spec"].get("ports") or ()
    ]


def _endpoints(service: Object, pods: list[Object]) -> Object:
    def addresses(ready: bool) -> list[Object]:
        return [
            {"ip": p["status"]["podIP"], "nodeName": p["spec"]["nodeName"], "targetRef": _target(p)}
            for p in pods
            if is_ready(p) == ready
        ]

    parts = {"addresses": addresses(True), "notReadyAddresses": addresses(False)}
    parts = {key: value for key, value in parts.items() if value}
    namespace, name = key_of(service)
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels_of(service),
            "ownerReferences": [owner_reference(service)],
        },
        "subsets": [{**parts, "ports": _ports(service, pods)}] if parts else [],
    }


def _slice(service: Object, pods: list[Object]) -> Object:
    namespace, name = key_of(service)
    labels = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "sandbox"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-slice",
            "namespace": namespace,
            "labels": {**labels_of(service), **labels},
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [p["status"]["podIP"]],
                "conditions": {"ready": is_ready(p), "serving": is_ready(p), "terminating": False},
                "nodeName": p["spec"]["nodeName"],
                "targetRef": _target(p),
            }
            for p in pods
        ],
        "ports": _ports(service, pods),
    }
