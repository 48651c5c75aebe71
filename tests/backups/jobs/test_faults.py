"""Jobs that cannot start, and jobs that fail: each is said with its reason, in bounded time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.backups.jobs.world import NAME, World, connection, end_pod, waiting_pod
from tests.servers.cluster import until

from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

LATER = timedelta(minutes=11)
LOST = "registry.example/does-not-exist:1"


@pytest.mark.parametrize(
    ("changes", "waiting", "said"),
    [
        (
            {"image": LOST},
            "ImagePullBackOff",
            ["ImagePullBackOff: Back-off pulling image", "correct `image`"],
        ),
        (
            {"secrets": ["nowhere"]},
            "CreateContainerConfigError",
            ['"nowhere" not found', "make what is missing"],
        ),
    ],
)
def test_a_job_that_cannot_start_is_given_up_and_deleted(
    world: World, changes: dict[str, Any], waiting: str, said: list[str]
) -> None:
    method = world.method(**changes)
    method.begin(NAME)
    until(lambda: waiting_pod(world.pods(), waiting), f"a pod that waits for {waiting}")
    assert method.ready(NAME) is None

    with pytest.raises(PermanentError, match="cannot start, and was deleted") as failed:
        world.method(LATER, **changes).ready(NAME)

    for words in said:
        assert words in str(failed.value)
    assert (world.jobs(), world.pods()) == ([], [])
    world.method().make(NAME)


def test_a_pod_that_needed_too_much_memory_is_told(world: World) -> None:
    method = world.method(image=LOST)
    method.begin(NAME)
    for _ in range(2):
        pod = until(lambda: waiting_pod(world.pods(), "ImagePull"), "a pod")
        end_pod(world.api, pod, 137, "OOMKilled")
    until(lambda: "Failed" in str(world.jobs()[0]["status"].get("conditions")), "the end of the job")

    with pytest.raises(PermanentError, match=r"OOMKilled \(exit code 137\); give it more `memory`"):
        method.ready(NAME)


def test_a_job_that_takes_too_long_is_ended_and_leaves_nothing(world: World) -> None:
    method = world.method()
    with world.depot.slow_upload() as slow:
        method.begin(NAME)
        assert slow.reached.wait(60)
        path = f"/apis/batch/v1/namespaces/{world.namespace}/jobs/job-{NAME}"
        over = {"spec": {"activeDeadlineSeconds": 1}}
        world.api.send("PATCH", path, over, "application/merge-patch+json")
        with pytest.raises(PermanentError, match=r"DeadlineExceeded: .* give it more `longest_minutes`"):
            until(lambda: method.ready(NAME), "the deadline")

    until(lambda: world.pods() == [] and world.depot.uploads() == 0, "the end of the upload")
    assert world.depot.backups() == []


def test_what_the_cluster_refuses_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PermanentError, match=r"nowhere/job-.* cannot be made: HTTP 404: .*nowhere"):
        world.start(world.method(namespace="nowhere").order.of(NAME))

    nobody = connection(replace(world.cluster, token="of nobody"))
    monkeypatch.setenv("AIRFLOW_CONN_DEPOT_KUBERNETES", nobody)
    with pytest.raises(ConfigurationError, match=r"cannot be made: HTTP 401.*give the connection's account"):
        world.start(world.order.of(NAME))
    assert world.jobs() == []


def test_a_cluster_that_does_not_answer_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_DEPOT_KUBERNETES", connection(replace(world.cluster, url="http://127.0.0.1:9"))
    )
    with pytest.raises(TemporaryError, match="the API server does not answer"):
        world.start(world.order.of(NAME))
