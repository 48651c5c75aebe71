"""The kinds of patches that every cluster takes. Who owns which field is the real one's alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.both.api import Api, answered, refused
from tests.conformance.both.manifests import config_map, deployment, pod_template


@pytest.fixture
def web(api: Api, deployments: str) -> str:
    """The path of a paused deployment with two containers."""
    template = pod_template("web")
    first = {
        "name": "app",
        "image": "app:1",
        "args": ["--one", "--two"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "name": "https"}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "data", "mountPath": "/more"}],
    }
    template["spec"]["containers"] = [first, {"name": "side", "image": "side:1"}]
    template["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    template["spec"]["tolerations"] = [{"key": "a", "operator": "Exists"}]
    template["spec"]["nodeSelector"] = {"kind": "one"}
    api.made(deployments, deployment("web", 0, template, paused=True))
    return f"{deployments}/web"


def inner(patch: dict[str, Any]) -> dict[str, Any]:
    """The patch of a pod's spec as one of its deployment."""
    return {"spec": {"template": {"spec": patch}}}


def container(**patch: Any) -> dict[str, Any]:
    """The patch of the container `app`."""
    return inner({"containers": [{"name": "app", **patch}]})


def changed(api: Api, path: str, patch: object, kind: str = "strategic") -> dict[str, Any]:
    """Patch a deployment; return its pods' spec."""
    spec: dict[str, Any] = answered(api.patch(path, patch, kind))["spec"]["template"]["spec"]
    return spec


def test_a_merge_patch_merges_objects_and_replaces_lists(api: Api, web: str) -> None:
    only = [{"name": "app", "image": "app:2"}]
    spec = changed(api, web, inner({"containers": only, "nodeSelector": {"disk": "ssd"}}), "merge")
    assert spec["nodeSelector"] == {"kind": "one", "disk": "ssd"}
    assert [c["name"] for c in spec["containers"]] == ["app"]
    assert "env" not in spec["containers"][0]
    assert "nodeSelector" not in changed(api, web, inner({"nodeSelector": None}), "merge")


def test_null_removes_and_an_empty_value_stays(api: Api, maps: str) -> None:
    api.made(maps, config_map("m", {"a": "1", "b": "2"}))
    assert answered(api.patch(f"{maps}/m", {"data": {"a": None, "c": ""}}))["data"] == {"b": "2", "c": ""}
    assert "data" not in answered(api.patch(f"{maps}/m", {"data": None}))


def test_a_json_patch(api: Api, maps: str) -> None:
    api.made(
        maps, config_map("m", {"a": "1", "b": "2"}) | {"metadata": {"name": "m", "labels": {"x/y": "z"}}}
    )
    patch = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "move", "from": "/data/a", "path": "/data/d"},
        {"op": "copy", "from": "/data/d", "path": "/data/e"},
        {"op": "remove", "path": "/data/b"},
        {"op": "replace", "path": "/metadata/labels/x~1y", "value": "new"},
        {"op": "add", "path": "/metadata/annotations", "value": {"note": "n"}},
    ]
    stored = answered(api.patch(f"{maps}/m", patch, "json"))
    assert stored["data"] == {"d": "1", "e": "1"}
    assert (stored["metadata"]["labels"], stored["metadata"]["annotations"]) == (
        {"x/y": "new"},
        {"note": "n"},
    )
    failing = [{"op": "remove", "path": "/data/d"}, {"op": "test", "path": "/data/e", "value": "2"}]
    assert refused(api.patch(f"{maps}/m", failing, "json")) == (422, "Invalid")
    assert answered(api.get(f"{maps}/m"))["data"] == {"d": "1", "e": "1"}


def test_a_json_patch_of_a_list(api: Api, web: str) -> None:
    path = "/spec/template/spec/containers"
    patch = [
        {"op": "add", "path": f"{path}/0/args/-", "value": "--three"},
        {"op": "add", "path": f"{path}/0/args/0", "value": "--zero"},
        {"op": "remove", "path": f"{path}/1"},
    ]
    (only,) = changed(api, web, patch, "json")["containers"]
    assert only["args"] == ["--zero", "--one", "--two", "--three"]


def test_a_strategic_patch_merges_lists_by_key(api: Api, web: str) -> None:
    patch = container(
        image="app:2",
        env=[{"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
        ports=[{"containerPort": 80, "name": "web"}],
        volumeMounts=[{"name": "data", "mountPath": "/data", "readOnly": True}],
    )
    spec = changed(api, web, patch)
    assert [c["name"] for c in spec["containers"]] == ["app", "side"]
    app = spec["containers"][0]
    assert app["image"] == "app:2"
    assert {e["name"]: e["value"] for e in app["env"]} == {"A": "1", "B": "3", "C": "4"}
    assert {p["containerPort"]: p["name"] for p in app["ports"]} == {80: "web", 443: "https"}
    assert {m["mountPath"]: m.get("readOnly") for m in app["volumeMounts"]} == {"/data": True, "/more": None}


def test_a_strategic_patch_adds_a_new_item(api: Api, web: str) -> None:
    spec = changed(api, web, inner({"containers": [{"name": "third", "image": "third:1"}]}))
    assert {c["name"] for c in spec["containers"]} == {"app", "side", "third"}


def test_a_strategic_patch_replaces_other_lists(api: Api, web: str) -> None:
    assert changed(api, web, container(args=["--new"]))["containers"][0]["args"] == ["--new"]
    spec = changed(api, web, inner({"tolerations": [{"key": "b", "operator": "Exists"}]}))
    assert [t["key"] for t in spec["tolerations"]] == ["b"]


def test_the_directive_delete(api: Api, web: str) -> None:
    spec = changed(api, web, inner({"containers": [{"name": "side", "$patch": "delete"}]}))
    assert [c["name"] for c in spec["containers"]] == ["app"]
    env = changed(api, web, container(env=[{"name": "A", "$patch": "delete"}]))["containers"][0]["env"]
    assert [e["name"] for e in env] == ["B"]
    assert "nodeSelector" not in changed(api, web, inner({"nodeSelector": {"$patch": "delete"}}))


def test_the_directive_replace(api: Api, web: str) -> None:
    spec = changed(api, web, inner({"nodeSelector": {"$patch": "replace", "disk": "ssd"}}))
    assert spec["nodeSelector"] == {"disk": "ssd"}
    env = [{"name": "Z", "value": "9"}, {"$patch": "replace"}]
    assert changed(api, web, container(env=env))["containers"][0]["env"] == [{"name": "Z", "value": "9"}]


def test_the_directive_retain_keys(api: Api, web: str) -> None:
    volumes = [{"name": "data", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]
    spec = changed(api, web, inner({"volumes": volumes}))
    assert [sorted(volume) for volume in spec["volumes"]] == [["hostPath", "name"]]
    strategy = {"$retainKeys": ["type"], "type": "Recreate"}
    whole = answered(api.patch(web, {"spec": {"strategy": strategy}}, "strategic"))
    assert whole["spec"]["strategy"] == {"type": "Recreate"}


def test_the_order_of_elements(api: Api, web: str) -> None:
    order = [{"name": "side"}, {"name": "app"}]
    spec = changed(api, web, inner({"$setElementOrder/containers": order}))
    assert [c["name"] for c in spec["containers"]] == ["side", "app"]
    added = {
        "$setElementOrder/containers": [{"name": "new"}, {"name": "app"}, {"name": "side"}],
        "containers": [{"name": "new", "image": "new:1"}],
    }
    assert [c["name"] for c in changed(api, web, inner(added))["containers"]] == ["new", "app", "side"]


def test_an_apply_makes_and_merges(api: Api, maps: str, web: str) -> None:
    apply, manager = "application/apply-patch+yaml", {"fieldManager": "ours", "force": "true"}
    body = config_map("new", {"a": "1"})
    made = api.patch(f"{maps}/new", body, apply, **manager)
    assert (made.status_code, made.json()["data"]) == (201, {"a": "1"})
    again = answered(api.patch(f"{maps}/new", body, apply, **manager))
    assert again["metadata"]["resourceVersion"] == made.json()["metadata"]["resourceVersion"]
    answered(api.patch(f"{maps}/new", {"data": {"theirs": "1"}}))
    changed_now = answered(api.patch(f"{maps}/new", config_map("new", {"a": "2"}), apply, **manager))
    assert changed_now["data"] == {"a": "2", "theirs": "1"}
    tried = api.patch(f"{maps}/dry", config_map("dry"), apply, dryRun="All", **manager)
    assert (tried.status_code, api.get(f"{maps}/dry").status_code) == (201, 404)
    found = answered(api.get(web))
    head = {key: found[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "web"}}
    patch = head | {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:9"}]}}}}
    containers = answered(api.patch(web, patch, apply, **manager))["spec"]["template"]["spec"]["containers"]
    assert [(c["name"], c["image"]) for c in containers] == [("app", "app:9"), ("side", "side:1")]
    assert refused(api.patch(f"{maps}/other", body, apply, **manager))[0] == 400
    assert api.patch(f"{maps}/new", body, apply).status_code in (400, 422)


def test_finalizers_merge(api: Api, maps: str) -> None:
    body = config_map("m")
    body["metadata"]["finalizers"] = ["example.com/a", "example.com/b"]
    api.made(maps, body)
    more = {"metadata": {"finalizers": ["example.com/c"]}}
    stored = answered(api.patch(f"{maps}/m", more, "strategic"))
    assert set(stored["metadata"]["finalizers"]) == {"example.com/a", "example.com/b", "example.com/c"}
    fewer = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a", "example.com/c"]}}
    stored = answered(api.patch(f"{maps}/m", fewer, "strategic"))
    assert stored["metadata"]["finalizers"] == ["example.com/b"]
    answered(api.patch(f"{maps}/m", {"metadata": {"finalizers": None}}))


@pytest.mark.parametrize(
    ("kind", "patch", "expected"),
    [
        ("json", {"data": {}}, (400, "BadRequest")),
        ("json", [{"op": "remove", "path": "/data/absent"}], (422, "Invalid")),
        ("json", [{"op": "replace", "path": "/absent/deep", "value": 1}], (422, "Invalid")),
        ("json", [{"op": "test", "path": "/data/key", "value": "other"}], (422, "Invalid")),
        ("json", [{"op": "explode", "path": "/data/key"}], (422, "Invalid")),
        ("json", [{"op": "add", "path": "/data/key", "value": 5}], (422, "Invalid")),
        ("merge", ["a"], (400, "BadRequest")),
        ("merge", {"data": {"key": 5}}, (422, "Invalid")),
        ("merge", {"metadata": {"name": "other"}}, (400, "BadRequest")),
        ("merge", {"metadata": {"uid": "other"}}, (422, "Invalid")),
        ("merge", {"metadata": {"resourceVersion": "1"}}, (409, "Conflict")),
        ("strategic", ["a"], (400, "BadRequest")),
        ("text/plain", {}, (415, "UnsupportedMediaType")),
    ],
)
def test_a_patch_that_is_refused(api: Api, maps: str, kind: str, patch: object, expected: object) -> None:
    api.made(maps, config_map("m"))
    assert refused(api.patch(f"{maps}/m", patch, kind)) == expected
    assert answered(api.get(f"{maps}/m"))["data"] == {"key": "value"}


def test_an_item_without_its_key_is_refused(api: Api, web: str) -> None:
    answer = api.patch(web, inner({"containers": [{"image": "nameless:1"}]}), "strategic")
    assert answer.status_code in (400, 500)
    assert answer.json()["status"] == "Failure"
