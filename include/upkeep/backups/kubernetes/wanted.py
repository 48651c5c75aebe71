"""Which objects a recovery makes, in which order, and which it leaves out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from upkeep.backups.kubernetes.archive import Archive
from upkeep.backups.kubernetes.components import parts_of
from upkeep.backups.kubernetes.kinds import Object, label, name_of
from upkeep.backups.kubernetes.renaming import moved
from upkeep.clients.answers import child
from upkeep.errors import ConfigurationError

DRILL_LABEL = "upkeep.io/drill"
"""On a namespace: made by a drill of this name, and may be deleted by it."""

WAVES: tuple[tuple[str, frozenset[str]], ...] = (
    ("limits", frozenset({"ResourceQuota", "LimitRange"})),
    ("access", frozenset({"ServiceAccount", "Role", "RoleBinding"})),
    ("settings", frozenset({"Secret", "ConfigMap"})),
    ("claims", frozenset({"PersistentVolumeClaim"})),
    ("services", frozenset({"Service", "Endpoints", "NetworkPolicy"})),
    (
        "workloads",
        frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})
        | {"PodTemplate", "ReplicationController"},
    ),
    ("custom resources", frozenset()),
    ("edges", frozenset({"HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"})),
)
"""Each is made before the next. What no wave names is a custom resource."""

OUTWARD = {
    "Ingress": "it would take the traffic of the original's hosts",
    "HTTPRoute": "it would take the traffic of the original's hosts",
    "Gateway": "it would take the traffic of the original's hosts",
    "Certificate": "it would order certificates for the original's names; its secret is there",
    "Issuer": "it would register with the authority again",
}
"""What a copy beside its original leaves out: kind → why."""


@dataclass(frozen=True)
class Target:
    """Where and how an archive is recreated.

    namespace: may be the archive's own. only: one component, such as `Deployment/web`. copy_beside: the
    original goes on running, so nothing in the copy reaches outside: no ingress, no load balancer, cron
    jobs suspended. snapshots: claim → volume snapshot that fills it. outlived: claim → driver and handle of
    the storage's snapshot, where that of `snapshots` may be gone. labels: put on the namespace.
    """

    namespace: str
    only: str | None = None
    copy_beside: bool = False
    snapshots: Mapping[str, str] = field(default_factory=dict)
    outlived: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """The objects to make, and those left out: label → why."""

    namespace: Object
    definitions: list[Object]
    objects: list[Object]
    left_out: dict[str, str]

    def waves(self) -> list[tuple[str, list[Object]]]:
        """Return the objects by wave, in order."""
        named = frozenset().union(*(kinds for _, kinds in WAVES))
        return [
            (wave, [o for o in self.objects if (o["kind"] in kinds if kinds else o["kind"] not in named)])
            for wave, kinds in WAVES
        ]


def wanted(archive: Archive, target: Target) -> Wanted:
    """Return what a recovery makes; raise ConfigurationError if `only` names nothing in the archive."""
    chosen = archive.objects
    if target.only is not None:
        chosen = parts_of(archive.objects, target.only)
        if not chosen:
            raise ConfigurationError(f"{archive.name} holds no {target.only}; name one as Deployment/web")
    left_out: dict[str, str] = {}
    objects = []
    for obj in chosen:
        why = OUTWARD.get(obj["kind"]) if target.copy_beside else None
        if why:
            left_out[label(obj)] = why
            continue
        made = moved(obj, archive.namespace, target.namespace)
        objects.append(_adapted(made, target))
    if target.snapshots:
        _check_claims(objects, target.snapshots)
    namespace = next(o for o in archive.cluster if o["kind"] == "Namespace")
    definitions = [o for o in archive.cluster if o["kind"] == "CustomResourceDefinition"]
    return Wanted(_namespace(namespace, target), definitions, objects, left_out)


def _namespace(obj: Object, target: Target) -> Object:
    result: Object = json.loads(json.dumps(obj))
    result["metadata"]["name"] = target.namespace
    labels = {**child(result["metadata"], "labels"), **target.labels}
    if DRILL_LABEL not in target.labels:
        labels.pop(DRILL_LABEL, None)
    result["metadata"]["labels"] = labels
    return result


def _adapted(obj: Object, target: Target) -> Object:
    spec: dict[str, Any] = obj["spec"] if isinstance(obj.get("spec"), dict) else {}
    if obj["kind"] == "PersistentVolumeClaim" and name_of(obj) in target.snapshots:
        snapshot = target.snapshots[name_of(obj)]
        spec["dataSource"] = {
            "apiGroup": "snapshot.storage.k8s.io",
            "kind": "VolumeSnapshot",
            "name": snapshot,
        }
    if not target.copy_beside:
        return obj
    if obj["kind"] == "CronJob":
        spec["suspend"] = True
    elif obj["kind"] == "Service" and spec.get("type") in ("LoadBalancer", "NodePort"):
        spec["type"] = "ClusterIP"
        for name in ("externalTrafficPolicy", "loadBalancerIP", "loadBalancerClass", "externalIPs"):
            spec.pop(name, None)
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerSourceRanges"):
            spec.pop(name, None)
    return obj


def _check_claims(objects: list[Object], snapshots: Mapping[str, str]) -> None:
    claims = {name_of(obj) for obj in objects if obj["kind"] == "PersistentVolumeClaim"}
    if missing := sorted(set(snapshots) - claims):
        raise ConfigurationError(f"no claim {', '.join(missing)} in the archive to fill from a snapshot")
