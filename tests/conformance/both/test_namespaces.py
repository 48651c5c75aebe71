"""Namespaces: what they come with, and their end."""

from __future__ import annotations

from tests.conformance.both.api import Api, answered, gone, refused, wait_for
from tests.conformance.both.manifests import NOWHERE, config_map, deployment, job, pod


def test_a_namespace_comes_with_its_parts(api: Api, ns: str) -> None:
    found = answered(api.get(f"/api/v1/namespaces/{ns}"))
    assert found["status"]["phase"] == "Active"
    assert found["spec"]["finalizers"] == ["kubernetes"]
    assert found["metadata"]["labels"]["kubernetes.io/metadata.name"] == ns
    for path in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
        wait_for(
            lambda path=path: api.get(f"/api/v1/namespaces/{ns}/{path}").status_code == 200,
            path,
        )


def test_a_namespace_goes_with_all_that_is_in_it(api: Api, ns: str, maps: str, deployments: str) -> None:
    api.made(deployments, deployment("web", 2))
    api.made(f"/apis/batch/v1/namespaces/{ns}/jobs", job("j", {"nodeSelector": NOWHERE}))
    api.made(maps, config_map("one"))
    api.made(f"/api/v1/namespaces/{ns}/pods", pod("alone"))
    pods = f"/api/v1/namespaces/{ns}/pods"
    wait_for(lambda: len(answered(api.get(pods))["items"]) == 4, "the pods")
    going = answered(api.delete(f"/api/v1/namespaces/{ns}"))
    assert going["status"]["phase"] == "Terminating"
    assert going["metadata"]["deletionTimestamp"]
    gone(api, f"/api/v1/namespaces/{ns}")
    for path in (pods, maps, deployments, f"/apis/batch/v1/namespaces/{ns}/jobs"):
        assert answered(api.get(path))["items"] == []


def test_a_namespace_on_its_way_out_takes_nothing_new(api: Api, ns: str, maps: str) -> None:
    held = config_map("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    api.made(maps, held)
    answered(api.delete(f"/api/v1/namespaces/{ns}"))
    late = api.post(maps, config_map("late"))
    assert refused(late) == (403, "Forbidden")
    assert f"namespace {ns} because it is being terminated" in late.json()["message"]
    assert late.json()["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    wait_for(lambda: "deletionTimestamp" in answered(api.get(f"{maps}/held"))["metadata"], "the deletion")
    assert answered(api.get(f"/api/v1/namespaces/{ns}"))["status"]["phase"] == "Terminating"
    answered(api.patch(f"{maps}/held", {"metadata": {"finalizers": None}}))
    gone(api, f"/api/v1/namespaces/{ns}")


def test_the_namespaces_of_the_cluster_stay(api: Api) -> None:
    for name in ("default", "kube-system"):
        assert refused(api.delete(f"/api/v1/namespaces/{name}")) == (403, "Forbidden")


def test_no_second_namespace_of_a_name(api: Api, ns: str) -> None:
    assert refused(api.post("/api/v1/namespaces", {"metadata": {"name": ns}})) == (409, "AlreadyExists")
    assert refused(api.post("/api/v1/namespaces", {"metadata": {"name": "a.b"}})) == (422, "Invalid")
