"""Volumes restored into new claims, and claims of a lost namespace filled from snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World

from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.kubernetes.snapshots import VolumeSnapshots
from upkeep.backups.kubernetes.wanted import Target
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.recoveries.namespaces import NamespaceRecovery
from upkeep.recoveries.volumes import VolumesRecovery

GROUP = "/apis/snapshot.storage.k8s.io/v1"
NAME = "volumes-20261121t020000z-ab12"
LABEL = "20261121t140500z-1a2b3c4d"
NEW = f"data-restored-{LABEL}"


@pytest.fixture
def method(world: World, ns: str) -> VolumeSnapshots:
    """The snapshots of the shop."""
    return VolumeSnapshots(world.api, ns, "volumes", seconds=20)


@pytest.fixture
def recovery(world: World, method: VolumeSnapshots) -> VolumesRecovery:
    """Of a backup of the shop's one claim."""
    return VolumesRecovery(world.api, method.make(NAME), "Volumes", LABEL, shop.IMAGE)


def kept(plan: Plan) -> Plan:
    """Return a plan as a later stage reads it."""
    return plan_from(json.loads(json.dumps(plan.carried())))


def claims(world: World, ns: str) -> dict[str, Any]:
    """The claims of a namespace by name: what fills each."""
    items = world.api.get(f"/api/v1/namespaces/{ns}/persistentvolumeclaims")["items"]
    return {one["metadata"]["name"]: (one["spec"].get("dataSource") or {}).get("name") for one in items}


def pods(world: World, ns: str) -> list[str]:
    """The pods that try new claims."""
    items = world.api.get(f"/api/v1/namespaces/{ns}/pods")["items"]
    return [name for one in items if "-restored-" in (name := one["metadata"]["name"])]


def contents(world: World, ns: str) -> int:
    """How many contents of snapshots are of a namespace."""
    items = world.api.get(f"{GROUP}/volumesnapshotcontents")["items"]
    return sum(one["spec"]["volumeSnapshotRef"]["namespace"] == ns for one in items)


def lose_snapshot(world: World, ns: str) -> None:
    """Delete the snapshot's object; its contents are retained."""
    path = f"{GROUP}/namespaces/{ns}/volumesnapshots/{NAME}-data"
    world.api.send("DELETE", path)
    shop.until(lambda: shop.get(world.api, path) is None, "its end")


def test_a_claim_beside_its_own_is_mounted_and_verified(
    world: World, ns: str, recovery: VolumesRecovery
) -> None:
    plan = kept(recovery.plan())
    assert (plan.destructive, pods(world, ns)) == (False, [])
    assert plan.steps[0] == f"make {NEW} from the snapshot of data"
    assert "is not there" in recovery.verify(plan)[0].problems[0]
    for _ in range(2):  # a repeat finds what it made
        recovery.restore(plan)
        shop.until(lambda: recovery.ready(plan), "the pod")
        assert recovery.verify(plan)[0].problems == []
    assert claims(world, ns) == {"data": None, NEW: f"{NAME}-data"}
    assert recovery.plan(plan).digest == plan.digest
    recovery.clean_up(plan)
    shop.until(lambda: pods(world, ns) == [], "the pod's end")
    assert NEW in claims(world, ns)
    dropped = replace(recovery, keep=False)
    dropped.clean_up(plan)
    shop.until(lambda: list(claims(world, ns)) == ["data"], "the claim's end")
    assert dropped.clean_up(plan) == "nothing was left"


def test_a_snapshot_whose_object_is_gone(world: World, ns: str, recovery: VolumesRecovery) -> None:
    lose_snapshot(world, ns)
    plan = kept(recovery.plan())
    for _ in range(2):
        recovery.restore(plan)
    assert contents(world, ns) == 2
    shop.until(lambda: recovery.ready(plan), "the pod")
    assert recovery.verify(plan)[0].problems == []
    recovery.clean_up(plan)
    assert contents(world, ns) == 1  # the storage's own stays with that of the backup


def test_a_claim_of_that_name_that_is_not_ours_stays(
    world: World, ns: str, recovery: VolumesRecovery
) -> None:
    shop.create(world.api, ns, shop.claim(NEW))
    with pytest.raises(PermanentError, match=f"nothing was touched: {NEW} is there and holds something else"):
        recovery.plan()
    plan = Plan("", "", (), False, facts={"claims": {"data": {"name": NEW, "snapshot": f"{NAME}-data"}}})
    replace(recovery, keep=False).clean_up(plan)
    assert NEW in claims(world, ns)


def test_what_is_in_the_way_is_named_at_once(world: World, ns: str, recovery: VolumesRecovery) -> None:
    quota = shop.make("v1", "ResourceQuota", "little", spec={"hard": {"persistentvolumeclaims": "1"}})
    shop.create(world.api, ns, quota)
    counted = {"hard": {"persistentvolumeclaims": "1"}, "used": {"persistentvolumeclaims": "1"}}
    path = f"/api/v1/namespaces/{ns}/resourcequotas/little/status"
    world.api.send("PATCH", path, {"status": counted}, "application/merge-patch+json")
    unrecorded = {"data": {**recovery.copy.facts["claims"]["data"], "handle": None}}
    lose_snapshot(world, ns)
    lost = replace(recovery.copy, facts={**recovery.copy.facts, "claims": unrecorded})
    both = r"is gone, and the storage's name.*persistentvolumeclaims: 1 needed, 0"
    with pytest.raises(PermanentError, match=both):
        replace(recovery, copy=lost).plan()
    with pytest.raises(ConfigurationError, match="has no claim 'other'; it has data"):
        replace(recovery, only="other").plan()


def test_a_claim_that_is_gone_has_no_class(world: World, ns: str, recovery: VolumesRecovery) -> None:
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}/persistentvolumeclaims/data")
    shop.until(lambda: claims(world, ns) == {}, "its end")
    with pytest.raises(PermanentError, match="data is gone, so its class is not known: restore_namespace"):
        recovery.plan()


@pytest.fixture
def lost(world: World, ns: str, method: VolumeSnapshots) -> Callable[..., NamespaceRecovery]:
    """The recovery of the shop's namespace, which is lost; there is a snapshot of one of its claims."""
    copy = method.make(NAME)
    shop.create(world.api, ns, shop.claim("cache"))
    export = world.export(ns).make("one")
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}")
    shop.until(lambda: shop.get(world.api, f"/api/v1/namespaces/{ns}") is None, "its end")

    def of(*, filled: bool = True) -> NamespaceRecovery:
        identity, volumes = world.keys.identity, copy if filled else None
        return NamespaceRecovery(world.api, world.s3, export, identity, Target(ns), volumes=volumes)

    return of


def test_a_lost_namespace_has_its_data_again(
    world: World, ns: str, lost: Callable[..., NamespaceRecovery]
) -> None:
    one = lost()
    plan = kept(one.plan())
    assert plan.steps[-2].startswith("PersistentVolumeClaim/data is filled from its snapshot of 20")
    assert plan.steps[-1] == "PersistentVolumeClaim/cache comes back empty"
    for _ in range(2):
        one.restore(plan)
        (proof,) = one.verify(plan)
        assert proof.problems == []
    assert claims(world, ns) == {"cache": None, "data": f"{NAME}-data"}
    assert one.volumes is not None
    assert one.data_as_of(plan) == one.volumes.started_at
    before = contents(world, ns)
    assert one.clean_up(plan) == f"the namespace {ns} stays"
    assert contents(world, ns) == before - 1
    # Claims that are there are left as they are.
    assert one.plan().facts["filled"] == {}


def test_without_snapshots_the_plan_says_that_claims_are_empty(
    world: World, ns: str, lost: Callable[..., NamespaceRecovery]
) -> None:
    one = lost(filled=False)
    plan = kept(one.plan())
    assert [step for step in plan.steps if "comes back empty" in step] == [
        f"PersistentVolumeClaim/{claim} comes back empty" for claim in ("cache", "data")
    ]
    promised = {**plan.facts, "filled": {"data": {"snapshot": f"{NAME}-data"}}}
    one.restore(plan)
    assert claims(world, ns) == {"cache": None, "data": None}
    (proof,) = one.verify(replace(plan, facts=promised))
    assert proof.problems == ["PersistentVolumeClaim/data is not filled from the snapshot"]
