"""The columns of each kind's table, besides its name and age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.kubernetes.clock import duration, parse, seconds_since
from sandbox.kubernetes.objects import Object, dig, is_deleting, is_true, labels_of
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


def _statuses(pod: Object) -> list[Object]:
    return dig(pod, "status", "containerStatuses") or []


def _pod_ready(pod: Object) -> str:
    return f"{sum(s['ready'] for s in _statuses(pod))}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Object) -> str:
    if is_deleting(pod):
        return "Terminating"
    for status in _statuses(pod):
        for state in ("waiting", "terminated"):
            reason = dig(status, "state", state, "reason")
            if reason:
                return str(reason)
    return str(dig(pod, "status", "phase") or "Unknown")


def _node_status(node: Object) -> str:
    status = "Ready" if is_true(node, "Ready") else "NotReady"
    return f"{status},SchedulingDisabled" if node["spec"].get("unschedulable") else status


def _node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    return ",".join(key.removeprefix(prefix) for key in labels_of(node) if key.startswith(prefix)) or "<none>"


def _ready(obj: Object) -> str:
    return f"{dig(obj, 'status', 'readyReplicas') or 0}/{obj['spec'].get('replicas', 0)}"


def _ports(service: Object) -> str:
    ports = service["spec"].get("ports") or []
    return ",".join(f"{p['port']}/{p['protocol']}" for p in ports) or "<none>"


def _selector(service: Object) -> str:
    return selector_text({"matchLabels": service["spec"].get("selector")}) or "<none>"


def _job_status(job: Object) -> str:
    for kind in ("Complete", "Failed", "Suspended"):
        if is_true(job, kind):
            return kind
    return "Running"


def _job_duration(job: Object, now: datetime) -> str:
    start, end = dig(job, "status", "startTime"), dig(job, "status", "completionTime")
    return duration(seconds_since(start, parse(end) if end else now)) if start else ""


def _since(*path: str) -> Callable[[Object, datetime], str]:
    def cell(obj: Object, now: datetime) -> str:
        text = dig(obj, *path)
        return duration(seconds_since(text, now)) if text else "<none>"

    return cell


def _modes(obj: Object) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(short.get(mode, mode) for mode in obj["spec"].get("accessModes") or ())


def _claim_of(volume: Object) -> str:
    claim = volume["spec"].get("claimRef")
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


def _hosts(ingress: Object) -> str:
    return ",".join(rule.get("host", "*") for rule in ingress["spec"].get("rules") or ()) or "*"


def _addresses(endpoints: Object) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<none>"


def _targets(scaler: Object) -> str:
    shown = []
    for metric in scaler["spec"].get("metrics") or ():
        name = dig(metric, "resource", "name")
        wanted = dig(metric, "resource", "target", "averageUtilization")
        current = next(
            (
                dig(m, "resource", "current", "averageUtilization")
                for m in dig(scaler, "status", "currentMetrics") or ()
                if dig(m, "resource", "name") == name
            ),
            None,
        )
        shown.append(f"{name}: {'<unknown>' if current is None else f'{current}%'}/{wanted}%")
    return ", ".join(shown) or "<none>"


def _images(obj: Object) -> str:
    return ",".join(c["image"] for c in obj["spec"]["template"]["spec"]["containers"])


def _containers(obj: Object) -> str:
    return ",".join(c["name"] for c in obj["spec"]["template"]["spec"]["containers"])


def _restarts(pod: Object) -> int:
    return sum(s["restartCount"] for s in _statuses(pod))


def _data_count(obj: Object) -> int:
    return len(obj.get("data") or {})


def _involved(event: Object) -> str:
    involved = event["involvedObject"]
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


_TEMPLATE = (
    _of("Containers", _containers, 1),
    _of("Images", _images, 1),
    _of("Selector", lambda o: selector_text(o["spec"].get("selector")), 1),
)

COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    ("", "pods"): (
        _of("Ready", _pod_ready),
        _of("Status", _pod_status),
        Column("Restarts", lambda o, _: _restarts(o), "integer"),
        _at("IP", "status", "podIP", priority=1),
        _at("Node", "spec", "nodeName", priority=1),
        _at("Nominated Node", "status", "nominatedNodeName", priority=1),
        _at("Readiness Gates", "spec", "readinessGates", priority=1),
    ),
    ("", "nodes"): (
        _of("Status", _node_status),
        _of("Roles", _node_roles),
        _at("Version", "status", "nodeInfo", "kubeletVersion"),
    ),
    ("", "namespaces"): (_at("Status", "status", "phase"),),
    ("", "services"): (
        _at("Type", "spec", "type"),
        _at("Cluster-IP", "spec", "clusterIP"),
        _at("External-IP", "status", "loadBalancer", "ingress", 0, "hostname"),
        _of("Port(s)", _ports),
        _of("Selector", _selector, 1),
    ),
    ("", "endpoints"): (_of("Endpoints", _addresses),),
    ("", "configmaps"): (Column("Data", lambda o, _: _data_count(o), "integer"),),
    ("", "secrets"): (_at("Type", "type"), Column("Data", lambda o, _: _data_count(o), "integer")),
    ("", "persistentvolumeclaims"): (
        _at("Status", "status", "phase"),
        _at("Volume", "spec", "volumeName", default=""),
        _at("Capacity", "status", "capacity", "storage", default=""),
        _of("Access Modes", _modes),
        _at("StorageClass", "spec", "storageClassName", default=""),
    ),
    ("", "persistentvolumes"): (
        _at("Capacity", "spec", "capacity", "storage"),
        _of("Access Modes", _modes),
        _at("Reclaim Policy", "spec", "persistentVolumeReclaimPolicy"),
        _at("Status", "status", "phase"),
        _of("Claim", _claim_of),
        _at("StorageClass", "spec", "storageClassName", default=""),
    ),
    ("", "events"): (
        Column("Last Seen", _since("lastTimestamp")),
        _at("Type", "type"),
        _at("Reason", "reason"),
        _of("Object", _involved),
        _at("Message", "message"),
    ),
    ("apps", "deployments"): (
        _of("Ready", _ready),
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
    ("apps", "statefulsets"): (_of("Ready", _ready), *_TEMPLATE[:2]),
    ("apps", "daemonsets"): (
        _at("Desired", "status", "desiredNumberScheduled", default=0),
        _at("Current", "status", "currentNumberScheduled", default=0),
        _at("Ready", "status", "numberReady", default=0),
        _at("Up-to-date", "status", "updatedNumberScheduled", default=0),
        _at("Available", "status", "numberAvailable", default=0),
        *_TEMPLATE,
    ),
    ("batch", "jobs"): (
        _of("Status", _job_status),
        _of("Completions", lambda o: f"{dig(o, 'status', 'succeeded') or 0}/{o['spec']['completions']}"),
        Column("Duration", _job_duration),
    ),
    ("batch", "cronjobs"): (
        _at("Schedule", "spec", "schedule"),
        _at("Timezone", "spec", "timeZone"),
        _at("Suspend", "spec", "suspend"),
        Column("Active", lambda o, _: len(dig(o, "status", "active") or []), "integer"),
        Column("Last Schedule", _since("status", "lastScheduleTime")),
    ),
    ("autoscaling", "horizontalpodautoscalers"): (
        _of("Reference", lambda o: "{kind}/{name}".format(**o["spec"]["scaleTargetRef"])),
        _of("Targets", _targets),
        _at("MinPods", "spec", "minReplicas", default=0),
        _at("MaxPods", "spec", "maxReplicas", default=0),
        _at("Replicas", "status", "currentReplicas", default=0),
    ),
    ("networking.k8s.io", "ingresses"): (
        _at("Class", "spec", "ingressClassName"),
        _of("Hosts", _hosts),
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
        _at("AllowVolumeExpansion", "allowVolumeExpansion"),
    ),
}
