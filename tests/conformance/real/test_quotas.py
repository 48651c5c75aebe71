"""A quota refuses what is too much, to people and to controllers alike."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client
from tests.conformance.cluster import until
from tests.conformance.control_plane.simulated import IMAGE, deployment
from tests.conformance.real.refusals import refused

PODS = 2


@pytest.fixture(autouse=True)
def quota(core: client.CoreV1Api, ns: str) -> None:
    """At most two pods, and half a core."""
    hard = {"pods": str(PODS), "requests.cpu": "500m", "configmaps": "2"}
    core.create_namespaced_resource_quota(ns, {"metadata": {"name": "small"}, "spec": {"hard": hard}})
    until(lambda: core.read_namespaced_resource_quota_status("small", ns).status.used, "the quota's count")


def pod(name: str, cpu: str | None = "10m") -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    containers = [{"name": "app", "image": IMAGE, "resources": resources}]
    return {"metadata": {"name": name}, "spec": {"containers": containers}}


def test_one_more_object_is_refused(core: client.CoreV1Api, ns: str) -> None:
    # The cluster itself keeps one config map in every namespace.
    until(lambda: core.list_namespaced_config_map(ns).items, "the cluster's own config map")
    core.create_namespaced_config_map(ns, {"metadata": {"name": "one"}})
    with refused(403, "Forbidden") as refusal:
        core.create_namespaced_config_map(ns, {"metadata": {"name": "two"}})
    assert "exceeded quota: small" in refusal.message
    assert "used: configmaps=2, limited: configmaps=2" in refusal.message


def test_too_much_cpu_is_refused(core: client.CoreV1Api, ns: str) -> None:
    core.create_namespaced_pod(ns, pod("one", "400m"))
    with refused(403, "Forbidden") as refusal:
        core.create_namespaced_pod(ns, pod("two", "200m"))
    assert "requested: requests.cpu=200m, used: requests.cpu=400m" in refusal.message


def test_a_pod_that_does_not_say_what_it_needs_is_refused(core: client.CoreV1Api, ns: str) -> None:
    with refused(403, "Forbidden") as refusal:
        core.create_namespaced_pod(ns, pod("one", None))
    assert "must specify requests.cpu" in refusal.message


def test_a_deployment_says_why_it_has_too_few_pods(
    api: client.ApiClient, core: client.CoreV1Api, ns: str
) -> None:
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(ns, deployment("app", PODS + 1))

    def failures() -> list[str]:
        found = apps.read_namespaced_deployment_status("app", ns).status.conditions or []
        return [one.message for one in found if (one.type, one.status) == ("ReplicaFailure", "True")]

    assert "exceeded quota: small" in until(failures, "the deployment to say so")[0]
    until(lambda: len(core.list_namespaced_pod(ns).items) == PODS, "the pods that are allowed")


def test_what_goes_is_given_back(core: client.CoreV1Api, ns: str) -> None:
    core.create_namespaced_pod(ns, pod("one", "400m"))
    core.delete_namespaced_pod("one", ns, grace_period_seconds=0)
    until(
        lambda: core.read_namespaced_resource_quota_status("small", ns).status.used["requests.cpu"] == "0",
        "the quota to be free again",
    )
    core.create_namespaced_pod(ns, pod("two", "400m"))
