"""What pods and nodes use: the real metrics server, fed by the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes import client
from tests.conformance.cluster import until
from tests.conformance.control_plane.metrics import USAGE_CPU, USAGE_MEMORY, metrics_server
from tests.conformance.control_plane.plane import Plane
from tests.conformance.control_plane.simulated import IMAGE

from upkeep.clients.endpoint import NotFoundError
from upkeep.clients.kubernetes import Kubernetes

SECONDS = 120.0
"""It looks at the nodes every ten seconds, and needs two looks at a pod."""


@pytest.fixture(scope="module")
def measured(plane: Plane) -> Iterator[None]:
    """The metrics API is there."""
    with metrics_server(plane):
        yield


@pytest.fixture
def used(measured: None, core: client.CoreV1Api, ns: str) -> str:
    """The namespace of two pods that use a quarter of a core and 64 MiB, and one core and 128 MiB."""
    for name, cpu, memory in (("small", "250m", "64Mi"), ("large", "1", "128Mi")):
        annotations = {USAGE_CPU: cpu, USAGE_MEMORY: memory}
        body = {"metadata": {"name": name, "annotations": annotations, "labels": {"app": name}}}
        core.create_namespaced_pod(ns, {**body, "spec": {"containers": [{"name": "app", "image": IMAGE}]}})
    return ns


def test_a_cluster_without_metrics_says_so(plane: Plane, api: client.ApiClient) -> None:
    with pytest.raises(NotFoundError, match="404"):
        list(Kubernetes(api).pod_usage("default"))


def test_pods_and_nodes_use_what_the_pods_say(api: client.ApiClient, used: str) -> None:
    found = Kubernetes(api)
    until(lambda: len(list(found.pod_usage(used))) == 2, "both pods to be measured", SECONDS)
    usage = {one.name: one for one in found.pod_usage(used)}
    assert usage["small"].cpu_cores == pytest.approx(0.25, rel=0.05)
    assert usage["large"].cpu_cores == pytest.approx(1, rel=0.05)
    assert (usage["small"].memory_bytes, usage["large"].memory_bytes) == (64 * 2**20, 128 * 2**20)
    assert usage["small"].at > datetime.now(UTC) - timedelta(minutes=1)
    assert [one.name for one in found.pod_usage(used, "app=large")] == ["large"]

    until(lambda: sum(one.cpu_cores for one in found.node_usage()) > 1.2, "the nodes to be measured", SECONDS)
    assert {one.name for one in found.node_usage()} <= {node.name for node in found.nodes()}
