"""Claims, volumes and snapshots."""

from __future__ import annotations

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def claims(namespace):
    return f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"


def _claim(name, size="1Gi", **spec):
    resources = {"requests": {"storage": size}}
    return {"metadata": {"name": name}, "spec": {"resources": resources, **spec}}


def _bound(http, path):
    def question():
        claim = http.get(path).json()
        return claim["status"]["phase"] == "Bound" and claim

    return question


def _resize(http, path, size):
    patch = {"spec": {"resources": {"requests": {"storage": size}}}}
    return http.patch(path, json=patch, headers=MERGE)


def test_a_claim_is_bound_and_grows(http, claims, wait_for):
    http.post(claims, json=_claim("data"))
    claim = wait_for(_bound(http, f"{claims}/data"))
    volume = http.get(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}").json()
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    assert _resize(http, f"{claims}/data", "2Gi").status_code == 200
    wait_for(lambda: http.get(f"{claims}/data").json()["status"]["capacity"]["storage"] == "2Gi")
    grown = http.get(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}").json()
    assert grown["spec"]["capacity"]["storage"] == "2Gi"
    smaller = _resize(http, f"{claims}/data", "1Gi")
    assert (smaller.status_code, "can not be less" in smaller.json()["message"]) == (422, True)
    http.delete(f"{claims}/data")
    wait_for(lambda: http.get(f"/api/v1/persistentvolumes/{volume['metadata']['name']}").status_code == 404)


def test_a_class_that_cannot_grow_refuses(http, claims, wait_for):
    http.post(claims, json=_claim("data", storageClassName="fixed"))
    wait_for(_bound(http, f"{claims}/data"))
    refused = _resize(http, f"{claims}/data", "2Gi")
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")


def test_an_unknown_class_leaves_the_claim_pending(http, claims, namespace, wait_for):
    http.post(claims, json=_claim("data", storageClassName="nowhere"))
    query = {"fieldSelector": "involvedObject.name=data,type=Warning"}
    events = wait_for(
        lambda: http.get(f"/api/v1/namespaces/{namespace}/events", params=query).json()["items"]
    )
    assert events[0]["reason"] == "ProvisioningFailed"
    assert http.get(f"{claims}/data").json()["status"]["phase"] == "Pending"


def test_a_snapshot_is_taken_and_restored(http, claims, namespace, wait_for):
    http.post(claims, json=_claim("data", "3Gi"))
    wait_for(_bound(http, f"{claims}/data"))
    snapshots = f"/apis/snapshot.storage.k8s.io/v1/namespaces/{namespace}/volumesnapshots"
    source = {"source": {"persistentVolumeClaimName": "data"}}
    http.post(snapshots, json={"metadata": {"name": "last"}, "spec": source})
    wait_for(lambda: http.get(f"{snapshots}/last").json().get("status", {}).get("readyToUse"))
    assert http.get(f"{snapshots}/last").json()["status"]["restoreSize"] == "3Gi"
    origin = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "last"}
    http.post(claims, json=_claim("restored", "3Gi", dataSource=origin))
    wait_for(_bound(http, f"{claims}/restored"))


@pytest.mark.parametrize("size", ["", "much", "1Q", "-"])
def test_a_size_must_be_one(http, claims, size):
    assert http.post(claims, json=_claim("data", size)).status_code == 422
