"""Events: what the controllers say about objects. Repeats count up; old ones go after an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kubernetes.clock import seconds_since
from sandbox.kubernetes.objects import Object

if TYPE_CHECKING:
    from sandbox.kubernetes.cluster import Cluster

LIFETIME_SECONDS = 3600.0
"""The real server's default."""

_SWEEP_SECONDS = 60.0


class Recorder:
    """Writes events."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._resource = cluster.registry["events"]
        self._names: dict[tuple[str, str, str], str] = {}
        self._swept_at = 0.0

    def normal(self, obj: Object, component: str, reason: str, message: str) -> None:
        """Record that something went its way."""
        self._record(obj, component, reason, message, "Normal")

    def warning(self, obj: Object, component: str, reason: str, message: str) -> None:
        """Record that something went wrong."""
        self._record(obj, component, reason, message, "Warning")

    def _record(self, obj: Object, component: str, reason: str, message: str, kind: str) -> None:
        self._sweep()
        store, stamp = self._cluster.store, self._cluster.clock.stamp()
        namespace = obj["metadata"].get("namespace", "default")
        identity = (obj["metadata"]["uid"], reason, message)
        known = store.get(self._resource, namespace, self._names.get(identity, ""))
        if known:
            store.update(self._resource, {**known, "count": known["count"] + 1, "lastTimestamp": stamp})
            return
        name = f"{obj['metadata']['name']}.{store.revision:016x}"
        self._names[identity] = name
        event = _event(obj, component, stamp)
        event |= {"metadata": {"name": name, "namespace": namespace}}
        event |= {"reason": reason, "message": message, "type": kind}
        store.create(self._resource, event)

    def _sweep(self) -> None:
        now = self._cluster.clock.now()
        if now.timestamp() - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now.timestamp()
        for event in self._cluster.store.all(self._resource):
            seen = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
            if seconds_since(seen, now) > LIFETIME_SECONDS:
                self._cluster.store.remove(self._resource, event)


def _event(obj: Object, component: str, stamp: str) -> Object:
    metadata = obj["metadata"]
    involved = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": metadata["name"],
        "namespace": metadata.get("namespace"),
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {key: value for key, value in involved.items() if value is not None},
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
