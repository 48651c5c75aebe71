"""Creating, reading and replacing objects, and the refusals."""

from __future__ import annotations

from tests.conformance.both.api import Api, answered, refused
from tests.conformance.both.manifests import config_map, deployment, job, pod


def test_the_server_gives_a_new_object_its_identity(api: Api, maps: str) -> None:
    body = config_map("one")
    body["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z"}
    metadata = api.made(maps, body)["metadata"]
    assert metadata["uid"] != "mine"
    assert not metadata["creationTimestamp"].startswith("2001")
    assert "generation" not in metadata
    assert "deletionTimestamp" not in metadata
    read = answered(api.get(f"{maps}/one"))
    assert read["metadata"]["resourceVersion"] == metadata["resourceVersion"]
    assert (read["kind"], read["apiVersion"], read["data"]) == ("ConfigMap", "v1", {"key": "value"})


def test_a_generated_name_is_new_each_time(api: Api, maps: str) -> None:
    body = {"metadata": {"generateName": "log-"}}
    made = [api.made(maps, body)["metadata"] for _ in range(10)]
    found = {one["name"] for one in made}
    assert len(found) == 10
    assert all(name.startswith("log-") and len(name) == 9 for name in found)
    assert {one["generateName"] for one in made} == {"log-"}


def test_what_is_not_there(api: Api, ns: str, maps: str) -> None:
    missing = api.get(f"{maps}/ghost")
    assert refused(missing) == (404, "NotFound")
    assert missing.json()["message"] == 'configmaps "ghost" not found'
    assert missing.json()["details"] == {"name": "ghost", "kind": "configmaps"}
    named = api.get(f"/apis/apps/v1/namespaces/{ns}/deployments/ghost").json()
    assert named["message"] == 'deployments.apps "ghost" not found'
    assert named["details"] == {"name": "ghost", "group": "apps", "kind": "deployments"}
    assert refused(api.put(f"{maps}/ghost", config_map("ghost"))) == (404, "NotFound")
    assert refused(api.patch(f"{maps}/ghost", {"data": {}})) == (404, "NotFound")
    assert refused(api.delete(f"{maps}/ghost")) == (404, "NotFound")


def test_a_namespace_must_exist(api: Api) -> None:
    answer = api.post("/api/v1/namespaces/nowhere-at-all/configmaps", config_map("x"))
    assert refused(answer) == (404, "NotFound")
    assert answer.json()["message"] == 'namespaces "nowhere-at-all" not found'
    assert answered(api.get("/api/v1/namespaces/nowhere-at-all/configmaps"))["items"] == []


def test_a_name_is_taken_once(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    again = api.post(maps, config_map("one"))
    assert refused(again) == (409, "AlreadyExists")
    assert again.json()["message"] == 'configmaps "one" already exists'
    assert again.json()["details"] == {"name": "one", "kind": "configmaps"}


def test_a_put_of_an_old_version_conflicts(api: Api, maps: str) -> None:
    first = api.made(maps, config_map("one"))
    second = answered(api.put(f"{maps}/one", first | {"data": {"key": "new"}}))
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    late = api.put(f"{maps}/one", first | {"data": {"key": "late"}})
    assert refused(late) == (409, "Conflict")
    assert late.json()["details"] == {"name": "one", "kind": "configmaps"}
    assert "the object has been modified" in late.json()["message"]
    assert answered(api.get(f"{maps}/one"))["data"] == {"key": "new"}


def test_a_put_without_a_version_replaces_whatever_is_there(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", on="yes"))
    replaced = answered(api.put(f"{maps}/one", {"metadata": {"name": "one"}, "data": {"other": "1"}}))
    assert replaced["data"] == {"other": "1"}
    assert "labels" not in replaced["metadata"]


def test_a_put_of_another_object_or_name_is_refused(api: Api, maps: str) -> None:
    first = api.made(maps, config_map("one"))
    other = first | {"metadata": {**first["metadata"], "uid": "another"}}
    assert refused(api.put(f"{maps}/one", other)) == (409, "Conflict")
    renamed = first | {"metadata": {**first["metadata"], "name": "two"}}
    assert refused(api.put(f"{maps}/one", renamed)) == (400, "BadRequest")


def test_an_unchanged_object_keeps_its_version(api: Api, maps: str) -> None:
    first = api.made(maps, config_map("one"))
    same = answered(api.patch(f"{maps}/one", {"data": {"key": "value"}}))
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_generation_counts_changes_of_the_spec_only(api: Api, deployments: str) -> None:
    api.made(deployments, deployment("web", 0, paused=True))
    path = f"{deployments}/web"
    assert answered(api.patch(path, {"metadata": {"labels": {"a": "b"}}}))["metadata"]["generation"] == 1
    scaled = answered(api.patch(path, {"spec": {"minReadySeconds": 1}, "status": {"replicas": 9}}))
    assert scaled["metadata"]["generation"] == 2
    assert scaled["status"].get("replicas") != 9, "the status has its own path"


def test_defaults_are_filled_in(api: Api, ns: str, deployments: str) -> None:
    spec = api.made(deployments, deployment("web", 0))["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    inner = spec["template"]["spec"]
    assert (inner["restartPolicy"], inner["dnsPolicy"], inner["schedulerName"]) == (
        "Always",
        "ClusterFirst",
        "default-scheduler",
    )
    assert inner["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    made = api.made(f"/apis/batch/v1/namespaces/{ns}/jobs", job("j", suspend=True))["spec"]
    defaults = ("parallelism", "completions", "backoffLimit", "completionMode")
    assert [made[key] for key in defaults] == [1, 1, 6, "NonIndexed"]
    limited = pod("p", nodeSelector={"example.com/nowhere": "true"})
    limited["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    stored = api.made(f"/api/v1/namespaces/{ns}/pods", limited)
    assert stored["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    assert (stored["status"]["phase"], stored["status"]["qosClass"]) == ("Pending", "Guaranteed")


def test_a_secret_encodes_its_text(api: Api, ns: str) -> None:
    made = api.made(
        f"/api/v1/namespaces/{ns}/secrets", {"metadata": {"name": "s"}, "stringData": {"u": "me"}}
    )
    assert (made["data"], made["type"]) == ({"u": "bWU="}, "Opaque")
    assert "stringData" not in made


def test_dry_run_changes_nothing(api: Api, maps: str) -> None:
    ghost = answered(api.post(maps, config_map("ghost"), dryRun="All"), 201)
    assert ghost["metadata"]["uid"]
    assert "resourceVersion" not in ghost["metadata"]
    assert api.get(f"{maps}/ghost").status_code == 404
    api.made(maps, config_map("one"))
    assert refused(api.post(maps, config_map("one"), dryRun="All")) == (409, "AlreadyExists")
    shown = answered(api.patch(f"{maps}/one", {"data": {"key": "new"}}, dryRun="All"))
    assert shown["data"] == {"key": "new"}
    answered(api.delete(f"{maps}/one", dryRun=["All"]))
    answered(api.delete(f"{maps}/one", {"dryRun": "All"}))
    assert answered(api.get(f"{maps}/one"))["data"] == {"key": "value"}
    assert api.post(maps, config_map("x"), dryRun="Some").status_code in (400, 422)


def test_a_method_that_a_path_does_not_take(api: Api, maps: str) -> None:
    assert refused(api.put(maps, config_map("one"))) == (405, "MethodNotAllowed")
    assert refused(api.post(f"{maps}/one", config_map("one"))) == (405, "MethodNotAllowed")


def test_a_kind_or_path_that_nobody_serves(api: Api) -> None:
    for path in ("/apis/none.example.com/v1/things", "/apis/none.example.com/v1/namespaces/default/things"):
        assert api.get(path).status_code == 404
