"""Placing pods on nodes."""

from __future__ import annotations

from collections import Counter

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.objects import Object, dig, is_true, labels_of, with_condition
from sandbox.kubernetes.podstatus import placed

_COMPONENT = "default-scheduler"


class Scheduler:
    """Puts a pod on the node with the fewest pods of those that take it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def place(self, pod: Object) -> None:
        """Bind the pod to a node, or say why none takes it."""
        nodes = self._cluster.all("nodes")
        fitting = [node for node in nodes if takes(node, pod["spec"])]
        stamp = self._cluster.clock.stamp()
        if not fitting:
            message = f"0/{len(nodes)} nodes are available: no node is ready, untainted and selected"
            new = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            conditions = with_condition(dig(pod, "status", "conditions"), new, stamp)
            self._cluster.set_status("pods", pod, conditions=conditions)
            self._cluster.events.warning(pod, _COMPONENT, "FailedScheduling", message)
            return
        load = Counter(p["spec"].get("nodeName") for p in self._cluster.all("pods"))
        name = min((node["metadata"]["name"] for node in fitting), key=lambda name: (load[name], name))
        pod = {**pod, "spec": {**pod["spec"], "nodeName": name}}
        pod = {**pod, "status": {**(pod.get("status") or {}), **placed(pod, stamp)}}
        self._cluster.store.update(self._cluster.registry["pods"], pod)
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self._cluster.events.normal(pod, _COMPONENT, "Scheduled", f"Successfully assigned {where} to {name}")


def takes(node: Object, pod_spec: Object, daemon: bool = False) -> bool:
    """Tell whether a node takes a pod: selected, tolerated and, for no daemon, ready and schedulable."""
    if not daemon and (node["spec"].get("unschedulable") or not is_true(node, "Ready")):
        return False
    wanted = pod_spec.get("nodeSelector") or {}
    if any(labels_of(node).get(key) != value for key, value in wanted.items()):
        return False
    tolerations = pod_spec.get("tolerations") or []
    taints = [t for t in node["spec"].get("taints") or () if t["effect"] != "PreferNoSchedule"]
    return all(any(_tolerates(entry, taint) for entry in tolerations) for taint in taints)


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (taint["key"], taint.get("value", ""))
