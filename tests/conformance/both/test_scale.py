"""The subresource scale."""

from __future__ import annotations

import pytest
from tests.conformance.both.api import Api, answered, refused, wait_for
from tests.conformance.both.manifests import deployment, pod_template


@pytest.fixture
def web(api: Api, deployments: str) -> str:
    api.made(deployments, deployment("web", 1))
    return f"{deployments}/web"


def test_it_reads(api: Api, web: str) -> None:
    scale = answered(api.get(f"{web}/scale"))
    whole = answered(api.get(web))
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"]["selector"] == "app=web"
    assert scale["metadata"]["uid"] == whole["metadata"]["uid"]


def test_it_patches(api: Api, web: str) -> None:
    scale = answered(api.patch(f"{web}/scale", {"spec": {"replicas": 3}}))
    assert scale["spec"] == {"replicas": 3}
    assert answered(api.get(web))["spec"]["replicas"] == 3
    wait_for(lambda: answered(api.get(f"{web}/scale"))["status"]["replicas"] == 3, "three pods")
    wait_for(lambda: answered(api.get(web))["status"].get("readyReplicas") == 3, "three that are ready")
    answered(api.patch(f"{web}/scale", [{"op": "replace", "path": "/spec/replicas", "value": 0}], "json"))
    wait_for(lambda: answered(api.get(f"{web}/scale"))["status"]["replicas"] == 0, "none")


def test_it_replaces_what_has_not_changed(api: Api, web: str) -> None:
    scale = answered(api.get(f"{web}/scale"))
    old = scale | {"metadata": scale["metadata"] | {"resourceVersion": "1"}}
    assert refused(api.put(f"{web}/scale", old)) == (409, "Conflict")
    unversioned = {"metadata": {"name": "web"}, "spec": {"replicas": 2}}
    assert answered(api.put(f"{web}/scale", unversioned))["spec"] == {"replicas": 2}


def test_it_refuses(api: Api, web: str) -> None:
    assert refused(api.patch(f"{web}/scale", {"spec": {"replicas": -1}})) == (422, "Invalid")
    assert refused(api.get(f"{web}-other/scale")) == (404, "NotFound")


def test_it_is_there_for_sets_and_not_for_pods(api: Api, ns: str) -> None:
    sets = f"/apis/apps/v1/namespaces/{ns}/statefulsets"
    spec = {"replicas": 0, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}}
    api.made(sets, {"metadata": {"name": "db"}, "spec": spec | {"template": pod_template("db")}})
    assert answered(api.patch(f"{sets}/db/scale", {"spec": {"replicas": 1}}))["spec"] == {"replicas": 1}
    assert api.get(f"/api/v1/namespaces/{ns}/pods/db-0/scale").status_code == 404


def test_a_dry_run_of_it_changes_nothing(api: Api, web: str) -> None:
    shown = answered(api.patch(f"{web}/scale", {"spec": {"replicas": 5}}, dryRun="All"))
    assert shown["spec"] == {"replicas": 5}
    assert answered(api.get(web))["spec"]["replicas"] == 1
