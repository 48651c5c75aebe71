"""Objects that are refused, and fields that may not change."""

from __future__ import annotations

import pytest
from tests.conformance.both.api import Api, refused
from tests.conformance.both.manifests import config_map, deployment, job, pod


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"metadata": {"name": "x", "resourceVersion": "1"}}, (500, "")),
        ({"metadata": {"name": "x", "namespace": "other"}}, (400, "BadRequest")),
        ({"metadata": {"name": "x"}, "kind": "Secret", "apiVersion": "v1"}, (400, "BadRequest")),
        ({"metadata": {"name": "Not A Name"}}, (422, "Invalid")),
        ({"metadata": {}}, (422, "Invalid")),
        ({"metadata": {"name": "x", "labels": {"a": "not a value!"}}}, (422, "Invalid")),
        ({"metadata": {"name": "x", "labels": {"not a key!": "a"}}}, (422, "Invalid")),
        ({"metadata": {"name": "x", "labels": {"a": "v" * 64}}}, (422, "Invalid")),
        ({"metadata": {"name": "x", "annotations": {"not a key!": "a"}}}, (422, "Invalid")),
        ({"metadata": {"name": "x", "finalizers": ["unqualified"]}}, (422, "Invalid")),
        ({"metadata": {"name": "x"}, "data": {"a/b": "1"}}, (422, "Invalid")),
        ({"metadata": {"name": "x"}, "data": {"a": 1}}, (400, "BadRequest")),
        ({"metadata": {"name": "x"}, "data": ["a"]}, (400, "BadRequest")),
    ],
)
def test_an_object_that_is_refused(api: Api, maps: str, change: object, expected: object) -> None:
    assert refused(api.post(maps, change)) == expected


def test_an_invalid_field_is_named(api: Api, ns: str, deployments: str) -> None:
    body = deployment("web", replicas=-1)
    answer = api.post(deployments, body)
    assert refused(answer) == (422, "Invalid")
    assert answer.json()["details"]["kind"] == "Deployment"
    assert answer.json()["details"]["group"] == "apps"
    assert [cause["field"] for cause in answer.json()["details"]["causes"]] == ["spec.replicas"]
    nameless = pod("p")
    del nameless["spec"]["containers"][0]["name"]
    answer = api.post(f"/api/v1/namespaces/{ns}/pods", nameless)
    causes = answer.json()["details"]["causes"]
    assert [(c["reason"], c["field"]) for c in causes] == [("FieldValueRequired", "spec.containers[0].name")]


@pytest.mark.parametrize(
    "change",
    [
        {"selector": {"matchLabels": {"app": "other"}}},
        {"strategy": {"type": "Sometimes"}},
        {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
        {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
        {"progressDeadlineSeconds": 1, "minReadySeconds": 2},
        {"selector": {}},
        {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}},
    ],
)
def test_a_deployment_that_is_refused(api: Api, deployments: str, change: dict[str, object]) -> None:
    body = deployment("web", 0)
    body["spec"] |= change
    assert refused(api.post(deployments, body)) == (422, "Invalid")


@pytest.mark.parametrize(
    "change",
    [
        {"restartPolicy": "Sometimes"},
        {"containers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]},
        {"containers": [{"name": "a", "image": "i", "resources": {"limits": {"cpu": "-1"}}}]},
        {"containers": [{"name": "Not A Name", "image": "i"}]},
        {"containers": [{"name": "a", "image": "i", "env": [{"name": ""}]}]},
        {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 70000}]}]},
        {"containers": [{"name": "a", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
        {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]},
    ],
)
def test_a_pod_that_is_refused(api: Api, ns: str, change: dict[str, object]) -> None:
    assert refused(api.post(f"/api/v1/namespaces/{ns}/pods", pod("p", **change))) == (422, "Invalid")


def test_requests_above_their_limit_are_refused(api: Api, ns: str) -> None:
    body = pod("p")
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}
    assert refused(api.post(f"/api/v1/namespaces/{ns}/pods", body)) == (422, "Invalid")


def test_a_job_that_is_refused(api: Api, ns: str) -> None:
    path = f"/apis/batch/v1/namespaces/{ns}/jobs"
    assert refused(api.post(path, job("j", {"restartPolicy": "Always"}))) == (422, "Invalid")
    assert refused(api.post(path, job("j", backoffLimit=-1))) == (422, "Invalid")


def test_what_may_not_change(api: Api, ns: str, deployments: str) -> None:
    api.made(deployments, deployment("web", 0))
    selector = {"spec": {"selector": {"matchLabels": {"app": "web", "more": "so"}}}}
    selector["spec"]["template"] = {"metadata": {"labels": {"more": "so"}}}
    assert refused(api.patch(f"{deployments}/web", selector)) == (422, "Invalid")
    secrets = f"/api/v1/namespaces/{ns}/secrets"
    api.made(secrets, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert refused(api.patch(f"{secrets}/s", {"type": "other"})) == (422, "Invalid")
    maps = f"/api/v1/namespaces/{ns}/configmaps"
    api.made(maps, config_map("fixed") | {"immutable": True})
    assert refused(api.patch(f"{maps}/fixed", {"data": {"key": "new"}})) == (422, "Invalid")
    assert refused(api.patch(f"{maps}/fixed", {"immutable": False})) == (422, "Invalid")
