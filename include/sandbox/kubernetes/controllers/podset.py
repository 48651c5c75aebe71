"""Making pods from templates, for every controller that owns pods."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable
from hashlib import sha256

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.deletion import BACKGROUND, delete
from sandbox.kubernetes.objects import Object, is_deleting, is_finished, is_ready, owner_reference
from sandbox.kubernetes.podstatus import qos_class

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of generated names: no vowels, no words."""


def random_suffix(length: int = 5) -> str:
    """Return what generateName appends."""
    return "".join(random.choices(_LETTERS, k=length))


def template_hash(template: Object) -> str:
    """Return a short name for a pod template: equal templates have equal names."""
    digest = sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def make_pod(cluster: Cluster, owner: Object, template: Object, **metadata: object) -> Object:
    """Create a pod from a template. metadata: its name or generateName, and more labels if any."""
    source = copy.deepcopy(template.get("metadata") or {})
    labels = {**(source.get("labels") or {}), **(metadata.pop("labels", None) or {})}  # type: ignore[dict-item]
    name = metadata.get("name") or f"{metadata['generateName']}{random_suffix()}"
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": {"serviceAccountName": "default", **copy.deepcopy(template["spec"])},
        "status": {"phase": "Pending"},
    }
    pod["status"]["qosClass"] = qos_class(pod)
    if source.get("annotations"):
        pod["metadata"]["annotations"] = source["annotations"]
    return cluster.store.create(cluster.registry["pods"], pod)


def delete_pod(cluster: Cluster, pod: Object) -> None:
    """Delete a pod gracefully."""
    delete(cluster, cluster.registry["pods"], pod, BACKGROUND)


def active(pods: Iterable[Object]) -> list[Object]:
    """Return the pods that count: neither finished nor on their way out."""
    return [pod for pod in pods if not is_deleting(pod) and not is_finished(pod)]


def ready_count(pods: Iterable[Object]) -> int:
    """Return how many pods serve."""
    return sum(map(is_ready, pods))
