"""The values of a table's cells that take more than a look into the object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sandbox.kubernetes.clock import duration, parse, seconds_since
from sandbox.kubernetes.objects import Object, dig, is_deleting, is_true, labels_of
from sandbox.kubernetes.selectors import selector_text


def statuses(pod: Object) -> list[Object]:
    """Return the statuses of a pod's containers."""
    return dig(pod, "status", "containerStatuses") or []


def pod_ready(pod: Object) -> str:
    """How many of a pod's containers are ready: `1/2`."""
    return f"{sum(s['ready'] for s in statuses(pod))}/{len(pod['spec']['containers'])}"


def pod_status(pod: Object) -> str:
    """The one word for a pod."""
    if is_deleting(pod):
        return "Terminating"
    for status in statuses(pod):
        for state in ("waiting", "terminated"):
            reason = dig(status, "state", state, "reason")
            if reason:
                return str(reason)
    return str(dig(pod, "status", "phase") or "Unknown")


def node_status(node: Object) -> str:
    """Whether a node is ready and takes pods."""
    status = "Ready" if is_true(node, "Ready") else "NotReady"
    return f"{status},SchedulingDisabled" if node["spec"].get("unschedulable") else status


def node_roles(node: Object) -> str:
    """A node's roles."""
    prefix = "node-role.kubernetes.io/"
    return ",".join(key.removeprefix(prefix) for key in labels_of(node) if key.startswith(prefix)) or "<none>"


def ready(obj: Object) -> str:
    """How many pods of a workload are ready: `1/2`."""
    return f"{dig(obj, 'status', 'readyReplicas') or 0}/{obj['spec'].get('replicas', 0)}"


def ports(service: Object) -> str:
    """A service's ports."""
    ports = service["spec"].get("ports") or []
    return ",".join(f"{p['port']}/{p['protocol']}" for p in ports) or "<none>"


def node_selector(workload: Object) -> str:
    """The node selector of a workload's pods."""
    wanted = dig(workload, "spec", "template", "spec", "nodeSelector")
    return selector_text({"matchLabels": wanted}) or "<none>"


def selector(service: Object) -> str:
    """A service's selector."""
    return selector_text({"matchLabels": service["spec"].get("selector")}) or "<none>"


def job_status(job: Object) -> str:
    """The one word for a job."""
    for kind in ("Complete", "Failed", "Suspended"):
        if is_true(job, kind):
            return kind
    return "Running"


def job_duration(job: Object, now: datetime) -> str:
    """How long a job took, or has taken so far."""
    start, end = dig(job, "status", "startTime"), dig(job, "status", "completionTime")
    return duration(seconds_since(start, parse(end) if end else now)) if start else ""


def since(*path: str) -> Callable[[Object, datetime], str]:
    """Return the reader of a time's age."""

    def cell(obj: Object, now: datetime) -> str:
        text = dig(obj, *path)
        return duration(seconds_since(text, now)) if text else "<none>"

    return cell


def modes(obj: Object) -> str:
    """A claim's or volume's access modes, in short."""
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(short.get(mode, mode) for mode in obj["spec"].get("accessModes") or ())


def claim_of(volume: Object) -> str:
    """The claim that holds a volume."""
    claim = volume["spec"].get("claimRef")
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


def hosts(ingress: Object) -> str:
    """An ingress's hosts."""
    return ",".join(rule.get("host", "*") for rule in ingress["spec"].get("rules") or ()) or "*"


def addresses(endpoints: Object) -> str:
    """The first addresses of endpoints."""
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<none>"


def targets(scaler: Object) -> str:
    """What an autoscaler aims at, and where it is."""
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


def images(obj: Object) -> str:
    """The images of a workload's containers."""
    return ",".join(c["image"] for c in _made_of(obj))


def containers(obj: Object) -> str:
    """The names of a workload's containers."""
    return ",".join(c["name"] for c in _made_of(obj))


def _made_of(obj: Object) -> list[Object]:
    spec = dig(obj, "spec", "jobTemplate", "spec") or obj["spec"]
    found: list[Object] = spec["template"]["spec"]["containers"]
    return found


def node_address(kind: str) -> Callable[[Object], str]:
    """Return the reader of a node's address of one type."""

    def cell(node: Object) -> str:
        known = dig(node, "status", "addresses") or []
        return next((a["address"] for a in known if a["type"] == kind), "<none>")

    return cell


def restarts(pod: Object, now: datetime) -> str:
    """How often a pod's containers were restarted, and how long ago the last time."""
    count = sum(s["restartCount"] for s in statuses(pod))
    ends = [end for s in statuses(pod) if (end := dig(s, "lastState", "terminated", "finishedAt"))]
    return f"{count} ({duration(seconds_since(max(ends), now))} ago)" if count and ends else str(count)


def data_count(obj: Object) -> int:
    """How many keys a config map or secret has."""
    return len(obj.get("data") or {})


def involved(event: Object) -> str:
    """What an event is about."""
    involved = event["involvedObject"]
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"
