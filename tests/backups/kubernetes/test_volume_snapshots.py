"""Volume snapshots: taken, found again without their namespace, restored, removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World

from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.snapshots import VolumeSnapshots
from upkeep.backups.kubernetes.verify import verify
from upkeep.backups.kubernetes.volumes import bring_back, forget
from upkeep.backups.kubernetes.wanted import Target
from upkeep.backups.model import Level
from upkeep.errors import PermanentError, TemporaryError

GROUP = "/apis/snapshot.storage.k8s.io/v1"
MERGE = "application/merge-patch+json"
NAME = "tapio-20261121T020000Z-ab12"


@pytest.fixture
def method(world: World, ns: str) -> VolumeSnapshots:
    """The snapshots of the shop."""
    return VolumeSnapshots(world.api, ns, "shop/volumes", seconds=20)


def contents(world: World, ns: str) -> list[str]:
    """Names of the contents of a namespace's snapshots."""
    items = world.api.get(f"{GROUP}/volumesnapshotcontents")["items"]
    return [i["metadata"]["name"] for i in items if i["spec"]["volumeSnapshotRef"]["namespace"] == ns]


def test_a_snapshot_of_each_claim(method: VolumeSnapshots) -> None:
    assert method.look() == ["data"]
    copy = method.make(NAME)
    assert (copy.name, copy.bytes, copy.problems) == (NAME, 2**30, ())
    assert (method.make(NAME), method.find(NAME), list(method.copies())) == (copy, copy, [copy])
    assert [(proof.level, proof.holds) for proof in method.check(copy)] == [
        (Level.EXISTS, True),
        (Level.COMPLETE, True),
    ]


def test_two_policies_do_not_see_each_other(method: VolumeSnapshots) -> None:
    other = replace(method, policy="other")
    method.make(NAME)
    assert list(other.copies()) == []


def test_no_claim_is_bound(world: World, method: VolumeSnapshots) -> None:
    with pytest.raises(PermanentError, match="no bound claim"):
        replace(method, labels="app=nothing").make(NAME)


def test_one_that_never_gets_ready_is_named(world: World, ns: str, method: VolumeSnapshots) -> None:
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims/data"
    # Bound, but of a capacity that nobody knows: the driver cannot cut a snapshot.
    world.api.send("PATCH", f"{path}/status", {"status": {"capacity": None}}, MERGE)
    with pytest.raises(TemporaryError, match=r"data: Failed to create snapshot content"):
        replace(method, seconds=0.5).make(NAME)
    (copy,) = method.copies()
    assert "data" in copy.problems[0]
    world.api.send("PATCH", f"{path}/status", {"status": {"capacity": {"storage": "1Gi"}}}, MERGE)
    assert method.make(NAME).problems == ()


def test_one_of_them_is_gone(world: World, ns: str, method: VolumeSnapshots) -> None:
    shop.create(world.api, ns, shop.claim("more"))
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims/more"
    shop.until(lambda: world.api.get(path)["status"].get("phase") == "Bound", "the claim")
    copy = method.make(NAME)
    facts = copy.facts["claims"]["more"]
    body = {"spec": {"deletionPolicy": "Delete"}}
    world.api.send("PATCH", f"{GROUP}/volumesnapshotcontents/{facts['contents']}", body, MERGE)
    world.api.send("DELETE", f"{GROUP}/namespaces/{ns}/volumesnapshots/{facts['snapshot']}")
    shop.until(lambda: len(contents(world, ns)) == 1, "its contents' end")
    assert method.find(NAME) is None
    proofs = {proof.level: proof.problems for proof in method.check(copy)}
    assert proofs[Level.COMPLETE] == ("more: no snapshot of it is there",)


def test_a_lost_namespace_comes_back_with_its_volumes(world: World, ns: str, method: VolumeSnapshots) -> None:
    archive = world.read(world.export(ns).make("one"))
    method.make(NAME)
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}")
    shop.until(lambda: shop.get(world.api, f"/api/v1/namespaces/{ns}") is None, "the end")
    (copy,) = method.copies()
    facts = copy.facts["claims"]["data"]
    assert (facts["snapshot"], copy.problems) == (None, ())
    world.api.send("POST", "/api/v1/namespaces", {"metadata": {"name": ns}})
    for _ in range(2):
        bring_back(world.api, ns, "lost-data", facts, seconds=20)
    target = Target(ns, snapshots={"data": "lost-data"})
    assert recreate(archive, world.api, target)["waited"] == []
    assert verify(archive, world.api, target, 30).holds
    claim = world.api.get(f"/api/v1/namespaces/{ns}/persistentvolumeclaims/data")
    assert claim["spec"]["dataSource"]["name"] == "lost-data"
    assert [forget(world.api, ns, "lost-data") for _ in range(2)] == [True, False]
    assert contents(world, ns) == [facts["contents"]]


def test_deletion_takes_the_storage_too_and_nothing_else(
    world: World, ns: str, method: VolumeSnapshots
) -> None:
    one, two = method.make("one"), method.make("two")
    assert len(contents(world, ns)) == 2
    with pytest.raises(PermanentError, match="legal hold"):
        method.delete([replace(one, held=True)])
    method.delete([one])
    shop.until(lambda: len(contents(world, ns)) == 1, "one's end")
    assert list(method.copies()) == [two]
    method.delete([one])
    world.api.send(
        "DELETE", f"{GROUP}/namespaces/{ns}/volumesnapshots/{two.facts['claims']['data']['snapshot']}"
    )
    assert len(contents(world, ns)) == 1  # retained
    method.delete(list(method.copies()))
    shop.until(lambda: contents(world, ns) == [], "two's end")
