"""Eviction asks the disruption budget first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kubernetes import client
from tests.conformance.cluster import until
from tests.conformance.control_plane.plane import Plane
from tests.conformance.control_plane.simulated import deployment
from tests.conformance.real.refusals import refused

REPLICAS = 2


@pytest.fixture
def pods(plane: Plane, api: client.ApiClient, core: client.CoreV1Api, ns: str) -> Callable[[], list[str]]:
    """The names of two pods that are ready; a deployment replaces those that go."""
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(ns, deployment("app", REPLICAS))
    until(
        lambda: apps.read_namespaced_deployment_status("app", ns).status.available_replicas == REPLICAS,
        "the pods to be available",
    )
    return lambda: [
        pod.metadata.name for pod in core.list_namespaced_pod(ns).items if not pod.metadata.deletion_timestamp
    ]


@pytest.fixture
def budget(api: client.ApiClient, ns: str) -> Callable[[int, int], None]:
    """Keep so many pods available, and wait until the controller allows so many disruptions."""
    policy = client.PolicyV1Api(api)

    def keep(pods: int, allowed: int) -> None:
        spec = {"minAvailable": pods, "selector": {"matchLabels": {"app": "app"}}}
        policy.create_namespaced_pod_disruption_budget(ns, {"metadata": {"name": "app"}, "spec": spec})

        def known() -> bool:
            status = policy.read_namespaced_pod_disruption_budget_status("app", ns).status
            return bool(status.expected_pods == REPLICAS and status.disruptions_allowed == allowed)

        until(known, "the budget to be known")

    return keep


def evict(core: client.CoreV1Api, ns: str, pod: str) -> None:
    core.create_namespaced_pod_eviction(pod, ns, {"metadata": {"name": pod}})


def test_a_budget_that_is_used_up_refuses(
    core: client.CoreV1Api, ns: str, pods: Callable[[], list[str]], budget: Callable[[int, int], None]
) -> None:
    budget(REPLICAS, 0)
    before = pods()
    with refused(429, "TooManyRequests") as refusal:
        evict(core, ns, before[0])
    assert "violate the pod's disruption budget" in refusal.message
    assert [cause["reason"] for cause in refusal.answer["details"]["causes"]] == ["DisruptionBudget"]
    assert pods() == before


def test_an_allowed_eviction_is_made_good(
    core: client.CoreV1Api, ns: str, pods: Callable[[], list[str]], budget: Callable[[int, int], None]
) -> None:
    budget(REPLICAS - 1, 1)
    first, second = pods()
    evict(core, ns, first)
    until(lambda: first not in pods() and len(pods()) == REPLICAS, "the pod to be replaced")
    assert second in pods()


def test_without_a_budget_nothing_refuses(
    core: client.CoreV1Api, ns: str, pods: Callable[[], list[str]]
) -> None:
    before = pods()
    for pod in before:
        evict(core, ns, pod)
    until(lambda: len(pods()) == REPLICAS and not set(before) & set(pods()), "both pods to be replaced")
