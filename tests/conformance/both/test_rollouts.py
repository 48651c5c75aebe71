"""Deployments: a rollout, one that cannot go on, and the way back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.both.api import Api, answered, wait_for
from tests.conformance.both.manifests import NOWHERE, OTHER_IMAGE, deployment, pod_template

REVISION = "deployment.kubernetes.io/revision"


def condition(obj: dict[str, Any], kind: str) -> dict[str, Any]:
    """The condition of a kind, or an empty one."""
    found = (c for c in obj.get("status", {}).get("conditions", []) if c["type"] == kind)
    return next(found, {})


def rolled_out(api: Api, path: str) -> dict[str, Any]:
    """Wait for the end of a rollout; return the deployment."""

    def done() -> dict[str, Any] | None:
        found = answered(api.get(path))
        status, wanted = found["status"], found["spec"]["replicas"]
        fresh = status.get("observedGeneration") == found["metadata"]["generation"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        complete = condition(found, "Progressing").get("reason") == "NewReplicaSetAvailable"
        return found if fresh and complete and counts == [wanted] * 3 else None

    return wait_for(done, "the rollout")


def sets(api: Api, path: str) -> dict[str, dict[str, Any]]:
    """The replica sets of a deployment by revision."""
    where, name = path.rsplit("/deployments/", 1)
    found = answered(api.get(f"{where}/replicasets", labelSelector=f"app={name}"))["items"]
    return {one["metadata"]["annotations"][REVISION]: one for one in found}


def set_image(api: Api, path: str, image: str) -> None:
    containers = [{"name": "app", "image": image}]
    answered(api.patch(path, {"spec": {"template": {"spec": {"containers": containers}}}}, "strategic"))


def test_a_rollout_replaces_the_pods_within_its_bounds(api: Api, deployments: str) -> None:
    bounds = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    api.made(deployments, deployment("web", 3, strategy=bounds))
    path = f"{deployments}/web"
    first = rolled_out(api, path)
    assert condition(first, "Available")["status"] == "True"
    assert condition(first, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition(first, "Progressing")["status"] == "True"
    assert first["metadata"]["annotations"][REVISION] == "1"
    since = first["metadata"]["resourceVersion"]
    set_image(api, path, OTHER_IMAGE)
    second = rolled_out(api, path)
    assert second["metadata"]["annotations"][REVISION] == "2"
    events = api.events(deployments, resourceVersion=since, fieldSelector="metadata.name=web")
    assert all(event["object"]["status"].get("availableReplicas", 0) >= 3 for event in events)
    wanted: dict[str, int] = {}
    for event in api.events(path.replace("deployments/web", "replicasets"), resourceVersion=since):
        wanted[event["object"]["metadata"]["name"]] = event["object"]["spec"]["replicas"]
        assert sum(wanted.values()) <= 4
    by_revision = sets(api, path)
    assert {number: one["spec"]["replicas"] for number, one in by_revision.items()} == {"1": 0, "2": 3}
    newest = by_revision["2"]
    mark = newest["metadata"]["labels"]["pod-template-hash"]
    assert newest["metadata"]["name"] == f"web-{mark}"
    assert newest["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": mark}
    (owner,) = newest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Deployment", "web", True)
    listed = answered(api.get(f"/api/v1/namespaces/{second['metadata']['namespace']}/pods"))
    alive = [p for p in listed["items"] if "deletionTimestamp" not in p["metadata"]]
    assert {p["spec"]["containers"][0]["image"] for p in alive} == {OTHER_IMAGE}
    assert {p["metadata"]["ownerReferences"][0]["name"] for p in alive} == {f"web-{mark}"}


@pytest.fixture
def failed(api: Api, deployments: str) -> str:
    """The path of a deployment whose second revision fits no node."""
    api.made(deployments, deployment("web", 2, progressDeadlineSeconds=2))
    path = f"{deployments}/web"
    rolled_out(api, path)
    nowhere = {"spec": {"template": {"spec": {"nodeSelector": NOWHERE}}}}
    answered(api.patch(path, nowhere))
    wait_for(
        lambda: condition(answered(api.get(path)), "Progressing").get("status") == "False",
        "the deadline to pass",
    )
    return path


def test_a_rollout_that_cannot_go_on_says_so(api: Api, ns: str, failed: str) -> None:
    found = answered(api.get(failed))
    progressing, available = condition(found, "Progressing"), condition(found, "Available")
    assert progressing["reason"] == "ProgressDeadlineExceeded"
    assert "has timed out progressing" in progressing["message"]
    assert available["status"] == "True", "the old pods go on serving"
    status = found["status"]
    assert (status["availableReplicas"], status["updatedReplicas"], status["unavailableReplicas"]) == (
        2,
        1,
        1,
    )
    waiting = answered(api.get(f"/api/v1/namespaces/{ns}/pods", fieldSelector="spec.nodeName="))["items"]
    (placed,) = (c for c in waiting[0]["status"]["conditions"] if c["type"] == "PodScheduled")
    assert (placed["status"], placed["reason"]) == ("False", "Unschedulable")
    assert "nodes are available" in placed["message"]

    def told() -> list[dict[str, Any]]:
        chosen = f"involvedObject.name={waiting[0]['metadata']['name']},reason=FailedScheduling"
        found: list[dict[str, Any]] = answered(
            api.get(f"/api/v1/namespaces/{ns}/events", fieldSelector=chosen)
        )["items"]
        return found

    assert wait_for(told, "an event")[0]["type"] == "Warning"


def test_the_way_back_takes_the_old_set_again(api: Api, failed: str) -> None:
    before = sets(api, failed)
    template = before["1"]["spec"]["template"]
    del template["metadata"]["labels"]["pod-template-hash"]
    answered(api.patch(failed, [{"op": "replace", "path": "/spec/template", "value": template}], "json"))
    back = rolled_out(api, failed)
    assert back["metadata"]["annotations"][REVISION] == "3"
    assert condition(back, "Progressing")["status"] == "True"
    after = sets(api, failed)
    assert sorted(after) == ["2", "3"], "the first revision is now the third"
    assert after["3"]["metadata"]["uid"] == before["1"]["metadata"]["uid"]
    assert [after[number]["spec"]["replicas"] for number in ("2", "3")] == [0, 2]


def test_a_paused_deployment_rolls_nothing_out(api: Api, deployments: str) -> None:
    api.made(deployments, deployment("web", 1))
    path = f"{deployments}/web"
    rolled_out(api, path)
    answered(api.patch(path, {"spec": {"paused": True}}))
    set_image(api, path, OTHER_IMAGE)
    paused = wait_for(
        lambda: condition(answered(api.get(path)), "Progressing").get("reason") == "DeploymentPaused",
        "the pause",
    )
    assert paused
    assert list(sets(api, path)) == ["1"]
    answered(api.patch(path, {"spec": {"paused": None}}))
    assert rolled_out(api, path)["metadata"]["annotations"][REVISION] == "2"


def test_a_deployment_that_never_ran(api: Api, deployments: str) -> None:
    template = pod_template("web", nodeSelector=NOWHERE)
    api.made(deployments, deployment("web", 1, template, progressDeadlineSeconds=1))
    path = f"{deployments}/web"
    wait_for(
        lambda: condition(answered(api.get(path)), "Progressing").get("status") == "False",
        "the deadline to pass",
    )
    found = answered(api.get(path))
    assert condition(found, "Available")["status"] == "False"
    assert condition(found, "Available")["reason"] == "MinimumReplicasUnavailable"
    assert found["status"]["unavailableReplicas"] == 1
    assert not found["status"].get("readyReplicas")


def test_a_recreated_deployment_stops_before_it_starts(api: Api, deployments: str) -> None:
    api.made(deployments, deployment("web", 2, strategy={"type": "Recreate"}))
    path = f"{deployments}/web"
    since = rolled_out(api, path)["metadata"]["resourceVersion"]
    set_image(api, path, OTHER_IMAGE)
    rolled_out(api, path)
    where = path.replace("/deployments/web", "/replicasets")
    events = api.events(where, resourceVersion=since, labelSelector="app=web")
    running: dict[str, int] = {}
    for event in events:
        running[event["object"]["metadata"]["name"]] = event["object"].get("status", {}).get("replicas", 0)
        assert min(running.values()) == 0 or len(running) == 1, "never both at once"
