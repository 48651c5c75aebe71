"""Deletion: what goes with what."""

from __future__ import annotations

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def maps(namespace):
    return f"/api/v1/namespaces/{namespace}/configmaps"


def _owned(manifests, name, owner):
    body = manifests.config_map(name)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    body["metadata"]["ownerReferences"] = [{**reference, "uid": owner["metadata"]["uid"]}]
    return body


def _gone(http, path):
    return lambda: http.get(path).status_code == 404


@pytest.mark.parametrize("policy", ["Background", "Foreground", None])
def test_dependents_go_with_their_owner(http, maps, manifests, wait_for, policy):
    owner = http.post(maps, json=manifests.config_map("owner")).json()
    child = http.post(maps, json=_owned(manifests, "child", owner)).json()
    http.post(maps, json=_owned(manifests, "grandchild", child))
    http.request("DELETE", f"{maps}/owner", json={"propagationPolicy": policy} if policy else None)
    for name in ("grandchild", "child", "owner"):
        wait_for(_gone(http, f"{maps}/{name}"))


def test_an_owner_deleted_in_the_foreground_waits_for_its_dependents(http, maps, manifests, wait_for):
    owner = http.post(maps, json=manifests.config_map("owner")).json()
    held = _owned(manifests, "child", owner)
    held["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = True
    held["metadata"]["finalizers"] = ["example.com/hold"]
    http.post(maps, json=held)
    going = http.request("DELETE", f"{maps}/owner", json={"propagationPolicy": "Foreground"}).json()
    assert going["metadata"]["finalizers"] == ["foregroundDeletion"]
    wait_for(lambda: "deletionTimestamp" in http.get(f"{maps}/child").json()["metadata"])
    assert http.get(f"{maps}/owner").status_code == 200
    http.patch(f"{maps}/child", json={"metadata": {"finalizers": None}}, headers=MERGE)
    wait_for(_gone(http, f"{maps}/child"))
    wait_for(_gone(http, f"{maps}/owner"))


def test_orphans_stay(http, maps, manifests):
    owner = http.post(maps, json=manifests.config_map("owner")).json()
    http.post(maps, json=_owned(manifests, "child", owner))
    http.request("DELETE", f"{maps}/owner", json={"propagationPolicy": "Orphan"})
    assert "ownerReferences" not in http.get(f"{maps}/child").json()["metadata"]


def test_what_names_an_owner_that_is_not_there_is_collected(http, maps, manifests, wait_for):
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    http.post(maps, json=_owned(manifests, "child", ghost))
    wait_for(_gone(http, f"{maps}/child"))


def test_a_collection_is_deleted_by_selector(http, maps, manifests):
    for name, kind in (("a", "x"), ("b", "x"), ("c", "y")):
        http.post(maps, json=manifests.config_map(name, kind=kind))
    http.delete(maps, params={"labelSelector": "kind=x"}).raise_for_status()
    names = [m["metadata"]["name"] for m in http.get(maps, params={"labelSelector": "kind"}).json()["items"]]
    assert names == ["c"]


def test_a_namespace_goes_with_all_that_is_in_it(http, namespace, maps, manifests, wait_for):
    http.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=manifests.deployment("web"))
    http.post(maps, json=manifests.config_map("one"))
    going = http.delete(f"/api/v1/namespaces/{namespace}").json()
    assert going["status"]["phase"] == "Terminating"
    refused = http.post(maps, json=manifests.config_map("late"))
    assert refused.status_code in (403, 404)
    wait_for(_gone(http, f"/api/v1/namespaces/{namespace}"))
    for kind in ("pods", "configmaps", "serviceaccounts", "events"):
        assert http.get(f"/api/v1/namespaces/{namespace}/{kind}").json()["items"] == []
    http.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).raise_for_status()
    wait_for(lambda: http.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default").status_code == 200)


def test_the_default_namespace_stays(http):
    assert http.delete("/api/v1/namespaces/default").status_code == 403
