"""Tables: what `kubectl get` prints."""

from __future__ import annotations

import pytest
from tests.conformance.both.api import Api, answered, wait_for
from tests.conformance.both.manifests import NOWHERE, config_map, deployment, job, pod

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

COLUMNS = {
    "/api/v1/nodes": (
        "Name Status Roles Age Version Internal-IP External-IP OS-Image Kernel-Version Container-Runtime"
    ),
    "/api/v1/pods": "Name Ready Status Restarts Age IP Node Nominated_Node Readiness_Gates",
    "/api/v1/services": "Name Type Cluster-IP External-IP Port(s) Age Selector",
    "/api/v1/namespaces": "Name Status Age",
    "/api/v1/configmaps": "Name Data Age",
    "/api/v1/secrets": "Name Type Data Age",
    "/api/v1/persistentvolumeclaims": (
        "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode"
    ),
    "/api/v1/persistentvolumes": (
        "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass "
        "VolumeAttributesClass Reason Age VolumeMode"
    ),
    "/api/v1/events": "Last_Seen Type Reason Object Subobject Source Message First_Seen Count Name",
    "/apis/apps/v1/deployments": "Name Ready Up-to-date Available Age Containers Images Selector",
    "/apis/apps/v1/replicasets": "Name Desired Current Ready Age Containers Images Selector",
    "/apis/apps/v1/statefulsets": "Name Ready Age Containers Images",
    "/apis/apps/v1/daemonsets": (
        "Name Desired Current Ready Up-to-date Available Node_Selector Age Containers Images Selector"
    ),
    "/apis/batch/v1/jobs": "Name Status Completions Duration Age Containers Images Selector",
    "/apis/batch/v1/cronjobs": (
        "Name Schedule Timezone Suspend Active Last_Schedule Age Containers Images Selector"
    ),
    "/apis/policy/v1/poddisruptionbudgets": "Name Min_Available Max_Unavailable Allowed_Disruptions Age",
    "/apis/networking.k8s.io/v1/ingresses": "Name Class Hosts Address Ports Age",
    "/apis/autoscaling/v2/horizontalpodautoscalers": "Name Reference Targets MinPods MaxPods Replicas Age",
    "/apis/storage.k8s.io/v1/storageclasses": (
        "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age"
    ),
}
"""The columns of each path's table; an underscore stands for a space within a name."""


@pytest.mark.parametrize("path", COLUMNS)
def test_the_columns(api: Api, path: str) -> None:
    found = answered(api.get(path, TABLE, limit=1))
    assert (found["kind"], found["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    shown = " ".join(column["name"].replace(" ", "_") for column in found["columnDefinitions"])
    assert shown == COLUMNS[path]


def rows(api: Api, path: str) -> dict[str, list[object]]:
    """The cells of a path's table by column."""
    found = answered(api.get(path, TABLE))
    columns = [column["name"] for column in found["columnDefinitions"]]
    return {row["cells"][0]: dict(zip(columns, row["cells"], strict=True)) for row in found["rows"]}


def test_a_deployment_s_cells(api: Api, ns: str, deployments: str) -> None:
    api.made(deployments, deployment("web", 2))
    wait_for(lambda: answered(api.get(f"{deployments}/web"))["status"].get("readyReplicas") == 2, "the pods")
    (web,) = rows(api, deployments).values()
    cells = {key: web[key] for key in ("Name", "Ready", "Up-to-date", "Available", "Containers", "Selector")}
    assert cells == {
        "Name": "web",
        "Ready": "2/2",
        "Up-to-date": 2,
        "Available": 2,
        "Containers": "app",
        "Selector": "app=web",
    }
    pods = rows(api, f"/api/v1/namespaces/{ns}/pods").values()
    assert {(p["Ready"], p["Status"], p["Restarts"]) for p in pods} == {("1/1", "Running", "0")}


def test_other_cells(api: Api, ns: str, maps: str) -> None:
    api.made(maps, config_map("two", {"a": "1", "b": "2"}))
    assert rows(api, maps)["two"]["Data"] == 2
    pods, jobs = f"/api/v1/namespaces/{ns}/pods", f"/apis/batch/v1/namespaces/{ns}/jobs"
    api.made(pods, pod("stuck", nodeSelector=NOWHERE))
    stuck = rows(api, pods)["stuck"]
    assert (stuck["Ready"], stuck["Status"], stuck["Node"]) == ("0/1", "Pending", "<none>")
    api.made(jobs, job("good"))
    wait_for(lambda: answered(api.get(f"{jobs}/good"))["status"].get("succeeded"), "the job")
    wait_for(lambda: rows(api, jobs)["good"]["Status"] == "Complete", "its end")
    assert rows(api, jobs)["good"]["Completions"] == "1/1"


def test_what_a_row_carries(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    for include, kind in (
        ("Object", "ConfigMap"),
        ("Metadata", "PartialObjectMetadata"),
        (None, "PartialObjectMetadata"),
    ):
        query = {"includeObject": include} if include else {}
        found = answered(api.get(f"{maps}/one", TABLE, **query))
        assert found["rows"][0]["object"]["kind"] == kind
        assert found["rows"][0]["object"]["metadata"]["name"] == "one"
    bare = answered(api.get(maps, TABLE, includeObject="None"))
    assert all(not row.get("object") for row in bare["rows"])


def test_a_table_has_its_list_s_metadata(api: Api, maps: str) -> None:
    for name in ("a", "b", "c"):
        api.made(maps, config_map(name, part="yes"))
    first = answered(api.get(maps, TABLE, limit=2, labelSelector="part"))
    assert [row["cells"][0] for row in first["rows"]] == ["a", "b"]
    token = first["metadata"]["continue"]
    rest = answered(api.get(maps, TABLE, labelSelector="part", **{"continue": token}))
    assert [row["cells"][0] for row in rest["rows"]] == ["c"]
    assert first["metadata"]["resourceVersion"] == rest["metadata"]["resourceVersion"]


def test_metadata_alone(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", part="yes"))
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = answered(api.get(maps, accept, labelSelector="part"))
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    (one,) = listed["items"]
    assert "data" not in one
    assert one["metadata"]["labels"] == {"part": "yes"}
    single = answered(api.get(f"{maps}/one", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"))
    assert single["kind"] == "PartialObjectMetadata"
