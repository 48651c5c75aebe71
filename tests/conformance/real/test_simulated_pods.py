"""The simulated pods do what the sandbox's do, so that one manifest serves both."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kubernetes import client
from tests.conformance.cluster import Cluster, until
from tests.conformance.control_plane.plane import Plane
from tests.conformance.control_plane.simulated import IMAGE

from sandbox.kubernetes.behaviours import EXIT_CODE, NEVER_READY, NO_SUCH_IMAGE, RUN_SECONDS
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.objects import Pod

Start = Callable[..., Callable[[], Pod]]


@pytest.fixture
def start(real_cluster: Cluster, plane: Plane, real_namespace: Callable[..., str]) -> Start:
    """Start a pod; return what reads it."""
    namespace = real_namespace()
    api = real_cluster.api()

    def make(restart: str = "Always", image: str = IMAGE, **annotations: str) -> Callable[[], Pod]:
        client.CoreV1Api(api).create_namespaced_pod(
            namespace,
            {
                "metadata": {
                    "name": "one",
                    "annotations": {k.replace("_", "-"): v for k, v in annotations.items()},
                },
                "spec": {"restartPolicy": restart, "containers": [{"name": "app", "image": image}]},
            },
        )
        return lambda: next(iter(Kubernetes(api).pods(namespace)))

    yield make
    api.close()


def test_a_pod_runs(start: Start) -> None:
    read = start()
    until(lambda: read().phase == "Running", "the pod to run")
    assert [one.ready for one in read().containers] == [True]


@pytest.mark.parametrize(
    ("code", "phase", "exit_reason"), [("0", "Succeeded", "Completed"), ("3", "Failed", "Error")]
)
def test_a_pod_ends(start: Start, code: str, phase: str, exit_reason: str) -> None:
    read = start("Never", **{EXIT_CODE: code, RUN_SECONDS: "0.2"})
    until(lambda: read().phase == phase, f"the pod to be {phase}")
    assert [one.last_exit for one in read().containers] == [exit_reason]


def test_an_image_is_lost(start: Start) -> None:
    read = start(image=f"registry.example/{NO_SUCH_IMAGE}:1")
    until(lambda: [one.waiting for one in read().containers] == ["ImagePullBackOff"], "the image to be lost")
    assert read().phase == "Pending"


def test_a_pod_is_never_ready(start: Start) -> None:
    read = start(**{NEVER_READY: "true"})
    until(lambda: read().phase == "Running", "the pod to run")
    assert [one.ready for one in read().containers] == [False]
