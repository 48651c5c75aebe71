"""The columns of each kind's table, besides its name and age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.kubernetes import cells
from sandbox.kubernetes.clock import duration, seconds_since
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.selectors import selector_text


@dataclass(frozen=True)
class Column:
    """One column. cell: its value for an object at a time. priority: above 0 only with `-o wide`."""

    name: str
    cell: Callable[[Object, datetime], Any]
    type: str = "string"
    priority: int = 0


def _at(name: str, *path: str | int, default: Any = "<none>", priority: int = 0) -> Column:
    def cell(obj: Object, _: datetime) -> Any:
        value = dig(obj, *path)
        return default if value in (None, "") else str(value) if isinstance(value, bool) else value

    return Column(name, cell, "integer" if default == 0 else "string", priority)


def _of(name: str, cell: Callable[[Object], Any], priority: int = 0) -> Column:
    return Column(name, lambda obj, _: cell(obj), priority=priority)


def age_of(obj: Object, now: datetime) -> str:
    """Return an object's age as a person reads it."""
    return duration(seconds_since(obj["metadata"]["creationTimestamp"], now))


AGE = Column("Age", age_of)
"""Where a table has it elsewhere than after the other columns that are not wide."""

_TEMPLATE = (
    _of("Containers", cells.containers, 1),
    _of("Images", cells.images, 1),
    _of("Selector", lambda o: selector_text(o["spec"].get("selector")), 1),
)

COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    ("", "pods"): (
        _of("Ready", cells.pod_ready),
        _of("Status", cells.pod_status),
        Column("Restarts", cells.restarts),
        _at("IP", "status", "podIP", priority=1),
        _at("Node", "spec", "nodeName", priority=1),
        _at("Nominated Node", "status", "nominatedNodeName", priority=1),
        _at("Readiness Gates", "spec", "readinessGates", priority=1),
    ),
    ("", "nodes"): (
        _of("Status", cells.node_status),
        _of("Roles", cells.node_roles),
        AGE,
        _at("Version", "status", "nodeInfo", "kubeletVersion"),
        _of("Internal-IP", cells.node_address("InternalIP"), 1),
        _of("External-IP", cells.node_address("ExternalIP"), 1),
        _at("OS-Image", "status", "nodeInfo", "osImage", priority=1),
        _at("Kernel-Version", "status", "nodeInfo", "kernelVersion", priority=1),
        _at("Container-Runtime", "status", "nodeInfo", "containerRuntimeVersion", priority=1),
    ),
    ("", "namespaces"): (_at("Status", "status", "phase"),),
    ("", "services"): (
        _at("Type", "spec", "type"),
        _at("Cluster-IP", "spec", "clusterIP"),
        _at("External-IP", "status", "loadBalancer", "ingress", 0, "hostname"),
        _of("Port(s)", cells.ports),
        _of("Selector", cells.selector, 1),
    ),
    ("", "endpoints"): (_of("Endpoints", cells.addresses),),
    ("", "configmaps"): (Column("Data", lambda o, _: cells.data_count(o), "integer"),),
    ("", "secrets"): (_at("Type", "type"), Column("Data", lambda o, _: cells.data_count(o), "integer")),
    ("", "persistentvolumeclaims"): (
        _at("Status", "status", "phase"),
        _at("Volume", "spec", "volumeName", default=""),
        _at("Capacity", "status", "capacity", "storage", default=""),
        _of("Access Modes", cells.modes),
        _at("StorageClass", "spec", "storageClassName", default=""),
        _at("VolumeAttributesClass", "spec", "volumeAttributesClassName", default="<unset>"),
        AGE,
        _at("VolumeMode", "spec", "volumeMode", default="<unset>", priority=1),
    ),
    ("", "persistentvolumes"): (
        _at("Capacity", "spec", "capacity", "storage"),
        _of("Access Modes", cells.modes),
        _at("Reclaim Policy", "spec", "persistentVolumeReclaimPolicy"),
        _at("Status", "status", "phase"),
        _of("Claim", cells.claim_of),
        _at("StorageClass", "spec", "storageClassName", default=""),
        _at("VolumeAttributesClass", "spec", "volumeAttributesClassName", default="<unset>"),
        _at("Reason", "status", "reason", default=""),
        AGE,
        _at("VolumeMode", "spec", "volumeMode", default="<unset>", priority=1),
    ),
    ("", "events"): (
        Column("Last Seen", cells.since("lastTimestamp")),
        _at("Type", "type"),
        _at("Reason", "reason"),
        _of("Object", cells.involved),
        _at("Subobject", "involvedObject", "fieldPath", default="", priority=1),
        _at("Source", "source", "component", default="", priority=1),
        _at("Message", "message"),
        Column("First Seen", cells.since("firstTimestamp"), priority=1),
        _at("Count", "count", default=0, priority=1),
        _at("Name", "metadata", "name", priority=1),
    ),
    ("apps", "deployments"): (
        _of("Ready", cells.ready),
        _at("Up-to-date", "status", "updatedReplicas", default=0),
        _at("Available", "status", "availableReplicas", default=0),
        *_TEMPLATE,
    ),
    ("apps", "replicasets"): (
        _at("Desired", "spec", "replicas", default=0),
        _at("Current", "status", "replicas", default=0),
        _at("Ready", "status", "readyReplicas", default=0),
        *_TEMPLATE,
    ),
    ("apps", "statefulsets"): (_of("Ready", cells.ready), *_TEMPLATE[:2]),
    ("apps", "daemonsets"): (
        _at("Desired", "status", "desiredNumberScheduled", default=0),
        _at("Current", "status", "currentNumberScheduled", default=0),
        _at("Ready", "status", "numberReady", default=0),
        _at("Up-to-date", "status", "updatedNumberScheduled", default=0),
        _at("Available", "status", "numberAvailable", default=0),
        _of("Node Selector", cells.node_selector),
        *_TEMPLATE,
    ),
    ("batch", "jobs"): (
        _of("Status", cells.job_status),
        _of("Completions", lambda o: f"{dig(o, 'status', 'succeeded') or 0}/{o['spec']['completions']}"),
        Column("Duration", cells.job_duration),
        *_TEMPLATE,
    ),
    ("batch", "cronjobs"): (
        _at("Schedule", "spec", "schedule"),
        _at("Timezone", "spec", "timeZone"),
        _at("Suspend", "spec", "suspend"),
        Column("Active", lambda o, _: len(dig(o, "status", "active") or []), "integer"),
        Column("Last Schedule", cells.since("status", "lastScheduleTime")),
        *_TEMPLATE,
    ),
    ("autoscaling", "horizontalpodautoscalers"): (
        _of("Reference", lambda o: "{kind}/{name}".format(**o["spec"]["scaleTargetRef"])),
        _of("Targets", cells.targets),
        _at("MinPods", "spec", "minReplicas", default=0),
        _at("MaxPods", "spec", "maxReplicas", default=0),
        _at("Replicas", "status", "currentReplicas", default=0),
    ),
    ("networking.k8s.io", "ingresses"): (
        _at("Class", "spec", "ingressClassName"),
        _of("Hosts", cells.hosts),
        _at("Address", "status", "loadBalancer", "ingress", 0, "ip", default=""),
        _of("Ports", lambda o: "80, 443" if o["spec"].get("tls") else "80"),
    ),
    ("networking.k8s.io", "networkpolicies"): (
        _of("Pod-Selector", lambda o: selector_text(o["spec"].get("podSelector")) or "<none>"),
    ),
    ("policy", "poddisruptionbudgets"): (
        _at("Min Available", "spec", "minAvailable", default="N/A"),
        _at("Max Unavailable", "spec", "maxUnavailable", default="N/A"),
        _at("Allowed Disruptions", "status", "disruptionsAllowed", default=0),
    ),
    ("storage.k8s.io", "storageclasses"): (
        _at("Provisioner", "provisioner"),
        _at("ReclaimPolicy", "reclaimPolicy"),
        _at("VolumeBindingMode", "volumeBindingMode"),
        _at("AllowVolumeExpansion", "allowVolumeExpansion"),
    ),
}
