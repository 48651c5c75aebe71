"""Many running pods at once, for tests of size: no controller has anything to do for them."""

from __future__ import annotations

from sandbox.kubernetes import podstatus
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.defaults import with_defaults
from sandbox.kubernetes.objects import Object

_IMAGE = "registry.example/many:1.0.0"


def make_running_pods(
    cluster: Cluster, namespace: str, name: str, count: int, labels: dict[str, str]
) -> None:
    """Create `count` pods named `name`-1 and so on, already running, spread over the nodes."""
    resource = cluster.registry["pods"]
    nodes = [node["metadata"]["name"] for node in cluster.all("nodes")]
    patterns = [_pattern(cluster, namespace, node, labels) for node in nodes]
    for number in range(1, count + 1):
        pattern = patterns[number % len(patterns)]
        metadata = {**pattern["metadata"], "name": f"{name}-{number}"}
        cluster.store.create(resource, {**pattern, "metadata": metadata})


def _pattern(cluster: Cluster, namespace: str, node: str, labels: dict[str, str]) -> Object:
    """Return a running pod without a name; the pods made from it share its spec and status."""
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    container = {"name": "app", "image": _IMAGE, "resources": resources}
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pattern", "namespace": namespace, "labels": labels},
        "spec": {"containers": [container], "nodeName": node},
    }
    pod = with_defaults(cluster.registry["pods"], pod)
    stamp = cluster.clock.stamp()
    for step in (podstatus.placed, podstatus.creating):
        pod = {**pod, "status": {**pod["status"], **step(pod, stamp)}}
    known = {**pod, "metadata": {**pod["metadata"], "uid": node}}
    return {**pod, "status": {**pod["status"], **podstatus.started(known, True, stamp)}}
