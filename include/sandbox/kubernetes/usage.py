"""What pods and nodes use: the numbers that metrics.k8s.io serves and the autoscalers read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.kubernetes.objects import Object, dig, key_of, labels_of
from sandbox.kubernetes.quantities import cpu_text, memory_text, parse_quantity
from sandbox.kubernetes.selectors import label_predicate

if TYPE_CHECKING:
    from sandbox.kubernetes.cluster import Cluster

_DEFAULT_CPU_CORES = 0.05
_DEFAULT_MEMORY_BYTES = 64 * 2**20
_NODE_CPU_CORES = 0.25
_NODE_MEMORY_BYTES = 900 * 2**20


@dataclass(frozen=True)
class Usage:
    """CPU in cores, memory in bytes."""

    cpu: float
    memory: float

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, self.memory + other.memory)

    def quantities(self) -> dict[str, str]:
        """Return the numbers as the API writes them."""
        return {"cpu": cpu_text(self.cpu), "memory": memory_text(self.memory)}


@dataclass(frozen=True)
class Override:
    """Usage that was set for the pods of a selector, per container; None leaves a number as it was."""

    namespace: str
    selector: str
    cpu: float | None
    memory: float | None

    def covers(self, pod: Object) -> bool:
        """Tell whether the override is about that pod."""
        if pod["metadata"]["namespace"] != self.namespace:
            return False
        return label_predicate(self.selector)(labels_of(pod) | {"pod": pod["metadata"]["name"]})


class UsageBook:
    """Who uses what."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pods: dict[tuple[str, str], Override] = {}
        self._nodes: dict[str, tuple[float | None, float | None]] = {}

    def set_pods(self, override: Override) -> None:
        """Let the selected pods use that much; an override without numbers is taken back."""
        key = (override.namespace, override.selector)
        self._pods.pop(key, None)
        if override.cpu is not None or override.memory is not None:
            self._pods[key] = override

    def set_node(self, name: str, cpu: float | None, memory: float | None) -> None:
        """Let the node use that much; None for what its pods add up to."""
        self._nodes[name] = (cpu, memory)

    def container(self, pod: Object, container: Object) -> Usage:
        """Return what a container uses: a steady share of its requests unless set otherwise."""
        requests = dig(container, "resources", "requests") or {}
        share = 0.30 + (zlib.crc32(pod["metadata"]["name"].encode()) % 1000) / 1000 * 0.25
        cpu = _DEFAULT_CPU_CORES if "cpu" not in requests else share * parse_quantity(requests["cpu"])
        memory = float(_DEFAULT_MEMORY_BYTES)
        if "memory" in requests:
            memory = (share + 0.2) * parse_quantity(requests["memory"])
        for override in self._pods.values():
            if override.covers(pod):
                cpu = cpu if override.cpu is None else override.cpu
                memory = memory if override.memory is None else override.memory
        return Usage(cpu, memory)

    def pod_metrics(self, pod: Object) -> Object | None:
        """Return the PodMetrics of a pod, or None for one that does not run."""
        if dig(pod, "status", "phase") != "Running":
            return None
        containers = [
            {"name": c["name"], "usage": self.container(pod, c).quantities()}
            for c in pod["spec"]["containers"]
        ]
        return {**self._head("PodMetrics", pod), "containers": containers}

    def node_metrics(self, nodes: list[Object]) -> list[Object]:
        """Return the NodeMetrics of nodes: what their pods use and a little more."""
        totals = {node["metadata"]["name"]: Usage(_NODE_CPU_CORES, _NODE_MEMORY_BYTES) for node in nodes}
        for pod in self._cluster.store.all(self._cluster.registry["pods"]):
            name = pod["spec"].get("nodeName")
            if name in totals and dig(pod, "status", "phase") == "Running":
                for container in pod["spec"]["containers"]:
                    totals[name] += self.container(pod, container)
        return [
            {**self._head("NodeMetrics", node), "usage": self._node(node, totals).quantities()}
            for node in nodes
        ]

    def _node(self, node: Object, totals: dict[str, Usage]) -> Usage:
        name = key_of(node)[1]
        cpu, memory = self._nodes.get(name, (None, None))
        total = totals[name]
        return Usage(total.cpu if cpu is None else cpu, total.memory if memory is None else memory)

    def _head(self, kind: str, obj: Object) -> Object:
        stamp = self._cluster.clock.stamp()
        metadata = {
            key: value for key, value in obj["metadata"].items() if key in ("name", "namespace", "labels")
        }
        metadata["creationTimestamp"] = stamp
        return {
            "apiVersion": "metrics.k8s.io/v1beta1",
            "kind": kind,
            "metadata": metadata,
            "timestamp": stamp,
            "window": "15s",
        }
