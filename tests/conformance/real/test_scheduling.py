"""The real scheduler and controllers, on simulated nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from tests.conformance.cluster import until
from tests.conformance.control_plane.plane import Plane
from tests.conformance.control_plane.simulated import IMAGE, deployment

from sandbox.kubernetes.behaviours import NO_SUCH_IMAGE
from upkeep.clients.kubernetes import Deployment, Kubernetes, Pod

LOST = f"registry.example/{NO_SUCH_IMAGE}:2"
NEWER = "registry.example/app:2"


class App:
    """A deployment of three replicas, as Upkeep's own client sees it."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.apps, self.found = client.AppsV1Api(api), Kubernetes(api)

    def start(self, **spec: Any) -> None:
        manifest = deployment("app", 3)
        manifest["spec"] |= spec
        self.apps.create_namespaced_deployment(self.namespace, manifest)

    def patch(self, **spec: Any) -> None:
        self.apps.patch_namespaced_deployment("app", self.namespace, {"spec": spec})

    def image(self, image: str) -> None:
        self.patch(template={"spec": {"containers": [{"name": "app", "image": image}]}})

    def state(self) -> Deployment:
        return next(iter(self.found.deployments(self.namespace)))

    def pods(self) -> list[Pod]:
        return list(self.found.pods(self.namespace))

    def complete(self) -> bool:
        now = self.state()
        return now.current and (now.updated, now.available) == (now.desired, now.desired)


@pytest.fixture
def app(plane: Plane, api: client.ApiClient, ns: str) -> App:
    """An app that has not been started."""
    return App(api, ns)


def test_pods_are_scheduled_and_run(app: App) -> None:
    app.start()
    until(app.complete, "3 pods")
    nodes = {node.name for node in app.found.nodes()}
    assert [pod.phase for pod in app.pods()] == ["Running"] * 3
    assert {pod.node for pod in app.pods()} <= nodes


def test_a_pod_that_fits_nowhere_waits_and_says_why(app: App, core: client.CoreV1Api) -> None:
    containers = [{"name": "app", "image": IMAGE, "resources": {"requests": {"cpu": "1000"}}}]
    core.create_namespaced_pod(
        app.namespace, {"metadata": {"name": "big"}, "spec": {"containers": containers}}
    )
    until(lambda: app.pods()[0].reason == "Unschedulable", "the scheduler to give up")
    assert (app.pods()[0].phase, app.pods()[0].node) == ("Pending", None)
    messages = [
        event.message for event in app.found.events(app.namespace) if event.reason == "FailedScheduling"
    ]
    assert "Insufficient cpu" in messages[0]


def test_no_pod_goes_to_a_cordoned_node(
    app: App, core: client.CoreV1Api, simulated_nodes: Callable[[int], list[str]]
) -> None:
    open_node, closed = simulated_nodes(2)
    core.patch_node(closed, {"spec": {"unschedulable": True}})
    until(
        lambda: [node.unschedulable for node in app.found.nodes() if node.name == closed] == [True],
        "the cordon",
    )
    terms = [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
        for name in (open_node, closed)
    ]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    manifest = deployment("app", 3)["spec"]["template"]
    manifest["spec"]["affinity"] = {"nodeAffinity": required}
    app.start(template=manifest)
    until(app.complete, "3 pods")
    assert {pod.node for pod in app.pods()} == {open_node}


def test_a_rollout_replaces_every_pod(app: App) -> None:
    app.start()
    until(app.complete, "3 pods")
    before = {pod.name for pod in app.pods()}
    app.image(NEWER)
    until(app.complete, "the rollout")
    until(lambda: len(app.pods()) == 3, "the old pods to go")
    assert not before & {pod.name for pod in app.pods()}
    assert {container.image for pod in app.pods() for container in pod.containers} == {NEWER}


def test_a_rollout_that_fails_leaves_enough_of_the_old_pods(app: App) -> None:
    app.start(progressDeadlineSeconds=1)
    until(app.complete, "3 pods")
    app.image(LOST)
    until(lambda: app.state().conditions.get("Progressing") == "False", "the rollout to fail")
    assert app.state().available == 3
    assert sorted(pod.ready for pod in app.pods()) == [False, True, True, True]
    assert [pod.waiting for pod in app.pods() if not pod.ready] == [("ImagePullBackOff",)]


def test_scaling_down_removes_pods(app: App) -> None:
    app.start()
    until(app.complete, "3 pods")
    app.patch(replicas=1)
    until(lambda: len(app.pods()) == 1 and app.complete(), "one pod to be left")
