"""Nodes and pods by the thousand: kwok says that they are ready and running, and runs nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from kubernetes import client, config
from tests.conformance import cluster as clusters

AT_ONCE = 8
"""Requests at a time: more do not make two cores quicker."""
IMAGE = "registry.example/app:1"
CAPACITY = {"cpu": "32", "memory": "256Gi", "pods": "110"}
PAGE = 500


def make_nodes(kubeconfig: Path, count: int) -> list[str]:
    """Make nodes and wait until all are ready; return their names."""
    group = f"node-{uuid4().hex[:6]}"
    names = [f"{group}-{number:04}" for number in range(count)]
    with config.new_client_from_config(str(kubeconfig)) as api, ThreadPoolExecutor(AT_ONCE) as pool:
        core = client.CoreV1Api(api)
        list(pool.map(core.create_node, [_node(name, group) for name in names]))
        clusters.until(
            partial(_all_ready, core, group, count), f"{count} simulated nodes to be ready", 60 + count / 5
        )
    return names


def remove_nodes(kubeconfig: Path, names: list[str]) -> None:
    """Remove nodes."""
    with config.new_client_from_config(str(kubeconfig)) as api, ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(client.CoreV1Api(api).delete_node, names))


def make_pods(kubeconfig: Path, namespace: str, count: int, name: str = "many") -> None:
    """Make pods by a deployment and wait until all are available: the real controllers do the work."""
    with config.new_client_from_config(str(kubeconfig)) as api:
        apps = client.AppsV1Api(api)
        apps.create_namespaced_deployment(namespace, deployment(name, count))
        clusters.until(
            lambda: (
                apps.read_namespaced_deployment_status(name, namespace).status.available_replicas == count
            ),
            f"{count} pods to be available",
            60 + count / 20,
        )


def deployment(name: str, replicas: int, image: str = IMAGE) -> dict[str, Any]:
    """Return a deployment's manifest; its pods ask for little, so that 110 fit on a node."""
    labels = {"app": name}
    asks = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    containers = [{"name": "app", "image": image, "resources": asks}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def _node(name: str, group: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "simulated": group},
            # Where kwok tells the metrics server what the node's pods use.
            "annotations": {
                "metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource"
            },
        },
        "status": {"allocatable": CAPACITY, "capacity": CAPACITY},
    }


def _all_ready(core: client.CoreV1Api, group: str, count: int) -> bool:
    ready, following = 0, None
    while following != "":
        page = core.list_node(label_selector=f"simulated={group}", limit=PAGE, _continue=following)
        ready += sum(_is_ready(node) for node in page.items)
        following = page.metadata._continue or ""
    return ready == count


def _is_ready(node: client.V1Node) -> bool:
    conditions = node.status.conditions or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
