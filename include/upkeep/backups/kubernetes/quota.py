"""Whether the quotas of a namespace leave room for objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from upkeep.backups.kubernetes.kinds import QUOTAS, Kind, Object, identity, listed, name_of
from upkeep.clients.answers import child, children, whole
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.quantity import quantity

PLAIN = {
    "Pod": "pods",
    "Service": "services",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ReplicationController": "replicationcontrollers",
    "ResourceQuota": "resourcequotas",
}
"""Kinds that quotas also count under a plain name."""


def shortfalls(
    api: Api, namespace: str, objects: Iterable[Object], kinds: Mapping[tuple[str, str], Kind]
) -> Iterator[str]:
    """Yield a sentence for each quota of the namespace that the objects would exceed.

    Daemon sets are counted as one pod, jobs by their parallelism; the rest by their replicas.
    """
    needs = _needs(objects, kinds)
    for quota in listed(api, QUOTAS, namespace):
        status = child(quota, "status")
        hard = child(status, "hard") or child(child(quota, "spec"), "hard")
        used = child(status, "used")
        for resource, limit in hard.items():
            needed = needs.get(resource, 0.0)
            room = quantity(limit) - quantity(used.get(resource, 0))
            if needed > room:
                yield (
                    f"ResourceQuota/{name_of(quota)}: {resource}: {needed:g} needed, {max(room, 0):g} of "
                    f"{limit} free"
                )


def _needs(objects: Iterable[Object], kinds: Mapping[tuple[str, str], Kind]) -> Mapping[str, float]:
    needs: dict[str, float] = defaultdict(float)
    for obj in objects:
        kind = kinds.get(identity(obj))
        if kind is not None:
            needs[f"count/{kind.name}"] += 1
        if plain := PLAIN.get(obj["kind"]):
            needs[plain] += 1
        spec = obj["spec"] if isinstance(obj.get("spec"), dict) else {}
        if obj["kind"] == "PersistentVolumeClaim":
            storage = quantity(child(child(spec, "resources"), "requests").get("storage", 0))
            needs["requests.storage"] += storage
            needs[f"{spec.get('storageClassName')}.storageclass.storage.k8s.io/requests.storage"] += storage
        else:
            for resource, amount in _pods(obj["kind"], spec).items():
                needs[resource] += amount
    return needs


def _pods(kind: str, spec: dict[str, Any]) -> Mapping[str, float]:
    """Return what the pods of a workload ask for."""
    if kind == "Pod":
        count, pod = 1, spec
    elif kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        count, pod = whole(spec, "replicas"), child(child(spec, "template"), "spec")
    elif kind in ("DaemonSet", "Job"):
        count, pod = whole(spec, "parallelism") or 1, child(child(spec, "template"), "spec")
    else:
        return {}
    needs: dict[str, float] = defaultdict(float)
    if kind != "Pod":  # a pod is counted by its kind
        needs["pods"] = count
    for container in children(pod, "containers"):
        for how in ("requests", "limits"):
            for resource, amount in child(child(container, "resources"), how).items():
                needs[f"{how}.{resource}"] += count * quantity(amount)
                if how == "requests":
                    needs[resource] += count * quantity(amount)
    return needs
