"""Objects: versions, conflicts, patches, and what the API server sets or refuses."""

from __future__ import annotations

import base64

import pytest
from kubernetes import client
from kubernetes.client.rest import ApiException

MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}


@pytest.fixture
def maps(namespace):
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def deployments(namespace):
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def test_a_new_object_gets_its_identity(http, maps, manifests):
    body = manifests.config_map("one")
    body["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 9}
    answer = http.post(maps, json=body)
    metadata = answer.json()["metadata"]
    assert answer.status_code == 201
    assert metadata["uid"] != "mine"
    assert not metadata["creationTimestamp"].startswith("2001")
    assert "generation" not in metadata
    again = http.post(maps, json=body)
    assert (again.status_code, again.json()["reason"]) == (409, "AlreadyExists")
    assert again.json()["message"] == 'configmaps "one" already exists'


def test_a_generated_name_is_new_each_time(http, maps):
    body = {"metadata": {"generateName": "log-"}}
    names = {http.post(maps, json=body).json()["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("log-") and len(name) == 9 for name in names)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"metadata": {"name": "x", "resourceVersion": "1"}}, 500),
        ({"metadata": {"name": "x", "namespace": "other"}}, 400),
        ({"metadata": {"name": "x"}, "kind": "Secret"}, 400),
        ({"metadata": {"name": "Not A Name"}}, 422),
        ({"metadata": {}}, 422),
        ({"metadata": {"name": "x", "labels": {"a": "not a value!"}}}, 422),
        ({"metadata": {"name": "x"}, "data": {"a/b": "1"}}, 422),
    ],
)
def test_what_the_server_refuses(http, maps, change, code):
    answer = http.post(maps, json=change)
    assert (answer.status_code, answer.json()["status"]) == (code, "Failure")


def test_a_namespace_must_exist(http, manifests):
    answer = http.post("/api/v1/namespaces/nowhere/configmaps", json=manifests.config_map("x"))
    assert (answer.status_code, answer.json()["message"]) == (404, 'namespaces "nowhere" not found')


def test_a_put_of_an_old_version_conflicts(http, maps, manifests):
    first = http.post(maps, json=manifests.config_map("one")).json()
    second = http.put(f"{maps}/one", json={**first, "data": {"key": "new"}})
    assert second.json()["metadata"]["resourceVersion"] > first["metadata"]["resourceVersion"]
    late = http.put(f"{maps}/one", json={**first, "data": {"key": "late"}})
    assert (late.status_code, late.json()["reason"]) == (409, "Conflict")
    assert "the object has been modified" in late.json()["message"]
    assert http.get(f"{maps}/one").json()["data"] == {"key": "new"}


def test_a_put_of_another_object_or_name_is_refused(http, maps, manifests):
    first = http.post(maps, json=manifests.config_map("one")).json()
    other = {**first, "metadata": {**first["metadata"], "uid": "another"}}
    assert http.put(f"{maps}/one", json=other).status_code == 409
    renamed = {**first, "metadata": {**first["metadata"], "name": "two"}}
    assert http.put(f"{maps}/one", json=renamed).status_code == 400
    assert http.put(f"{maps}/two", json=manifests.config_map("two")).status_code == 404


def test_an_unchanged_object_keeps_its_version(http, maps, manifests):
    first = http.post(maps, json=manifests.config_map("one")).json()
    same = http.patch(f"{maps}/one", json={"data": {"key": "value"}}, headers=MERGE).json()
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_the_three_patches(http, deployments, manifests):
    http.post(deployments, json=manifests.deployment("web", replicas=0))
    path = f"{deployments}/web"
    add = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}}
    names = _containers(http.patch(path, json=add, headers=STRATEGIC))
    assert names == ["app", "side"]
    drop = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
    assert _containers(http.patch(path, json=drop, headers=STRATEGIC)) == ["app"]
    whole = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}}}
    merged = http.patch(path, json=whole, headers=MERGE).json()["spec"]["template"]["spec"]["containers"]
    assert merged[0]["resources"] == {}, "a merge patch replaces lists whole"
    tests = [{"op": "test", "path": "/spec/replicas", "value": 0}]
    change = [*tests, {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "app:3"}]
    assert http.patch(path, json=change, headers=JSON_PATCH).status_code == 200
    failing = [{"op": "test", "path": "/spec/replicas", "value": 1}]
    refused = http.patch(path, json=failing, headers=JSON_PATCH)
    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert http.patch(path, json={}, headers={"Content-Type": "text/plain"}).status_code == 415


def _containers(answer):
    return [c["name"] for c in answer.json()["spec"]["template"]["spec"]["containers"]]


def test_a_patch_with_an_old_version_conflicts(http, maps, manifests):
    http.post(maps, json=manifests.config_map("one"))
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"key": "new"}}
    assert http.patch(f"{maps}/one", json=patch, headers=MERGE).status_code == 409


def test_generation_counts_changes_of_the_spec_only(http, deployments, manifests):
    http.post(deployments, json=manifests.deployment("web", replicas=0))
    path = f"{deployments}/web"
    labelled = http.patch(path, json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE).json()
    assert labelled["metadata"]["generation"] == 1
    scaled = http.patch(path, json={"spec": {"replicas": 1}, "status": {"replicas": 9}}, headers=MERGE).json()
    assert scaled["metadata"]["generation"] == 2
    assert scaled["status"].get("replicas") != 9, "the status has its own path"


def test_the_status_path_changes_the_status_only(http, namespace):
    path = f"/apis/cert-manager.io/v1/namespaces/{namespace}/certificates"
    spec = {"secretName": "tls", "dnsNames": ["a.example"]}
    body = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "one"},
        "spec": spec,
    }
    made = http.post(path, json=body).json()
    assert made["metadata"]["generation"] == 1
    patch = {"status": {"note": "seen"}, "spec": {"secretName": "other"}}
    changed = http.patch(f"{path}/one/status", json=patch, headers=MERGE).json()
    assert (changed["status"]["note"], changed["spec"]["secretName"]) == ("seen", "tls")
    unversioned = {**body, "metadata": {"name": "one"}}
    assert http.put(f"{path}/one", json=unversioned).status_code == 422, "a custom resource needs its version"
    assert http.patch(f"{path}/one", json={}, headers=STRATEGIC).status_code == 415


def test_dry_run_changes_nothing(http, maps, manifests):
    assert http.post(f"{maps}?dryRun=All", json=manifests.config_map("ghost")).status_code == 201
    assert http.get(f"{maps}/ghost").status_code == 404
    http.post(maps, json=manifests.config_map("one"))
    http.patch(f"{maps}/one?dryRun=All", json={"data": {"key": "new"}}, headers=MERGE)
    http.delete(f"{maps}/one?dryRun=All")
    assert http.get(f"{maps}/one").json()["data"] == {"key": "value"}
    assert http.post(f"{maps}?dryRun=Some", json=manifests.config_map("x")).status_code == 400


def test_deletion_preconditions(http, maps, manifests):
    made = http.post(maps, json=manifests.config_map("one")).json()
    wrong = {"preconditions": {"uid": "another"}}
    assert http.request("DELETE", f"{maps}/one", json=wrong).status_code == 409
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    gone = http.request("DELETE", f"{maps}/one", json=right).json()
    assert (gone["status"], gone["details"]["uid"]) == ("Success", made["metadata"]["uid"])


def test_secrets_encode_their_text(http, namespace):
    path = f"/api/v1/namespaces/{namespace}/secrets"
    made = http.post(path, json={"metadata": {"name": "s"}, "stringData": {"user": "me"}}).json()
    assert base64.b64decode(made["data"]["user"]) == b"me"
    assert "stringData" not in made
    retyped = {**made, "type": "kubernetes.io/tls"}
    assert http.put(f"{path}/s", json=retyped).status_code == 422


def test_the_python_client_reads_what_it_creates(api, namespace):
    core = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="typed"), data={"a": "1"})
    core.create_namespaced_config_map(namespace, body)
    core.patch_namespaced_config_map("typed", namespace, {"data": {"b": "2"}})
    assert core.read_namespaced_config_map("typed", namespace).data == {"a": "1", "b": "2"}
    assert core.delete_namespaced_config_map("typed", namespace).status == "Success"
    with pytest.raises(ApiException) as missing:
        core.read_namespaced_config_map("typed", namespace)
    assert missing.value.status == 404


def test_a_defined_kind_is_served_at_once_and_goes_with_its_definition(http, namespace):
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    definition = {
        "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert http.post(root, json=definition).status_code == 201
    path = f"/apis/example.org/v1/namespaces/{namespace}/widgets"
    made = http.post(path, json={"metadata": {"name": "w"}, "spec": {"size": 1}})
    assert (made.status_code, made.json()["kind"]) == (201, "Widget")
    http.delete(f"{root}/widgets.example.org")
    assert http.get(path).status_code == 404
