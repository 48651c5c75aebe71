"""A namespace made again from its export: the same one, another, or one component."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World
from tests.backups.kubernetes.cut import cut_after
from tests.servers.cluster import api_client

from upkeep.backups.kubernetes.archive import Archive, read_archive
from upkeep.backups.kubernetes.kinds import label
from upkeep.backups.kubernetes.plan import recreate_plan
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.verify import failed_components, verify
from upkeep.backups.kubernetes.wanted import Target
from upkeep.clients.kubernetes import Kubernetes
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

MERGE = "application/merge-patch+json"


@pytest.fixture
def archive(world: World, ns: str) -> Archive:
    """An export of the shop."""
    return world.read(world.export(ns).make("one"))


def drop(world: World, namespace: str) -> None:
    """Lose a namespace."""
    world.api.send("DELETE", f"/api/v1/namespaces/{namespace}")
    shop.until(lambda: shop.get(world.api, f"/api/v1/namespaces/{namespace}") is None, "its end")


def core(world: World, namespace: str, plural: str, name: str) -> dict[str, Any]:
    """One object of the core group."""
    return world.api.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")


def test_a_lost_namespace_comes_back_as_it_was(world: World, ns: str, archive: Archive) -> None:
    drop(world, ns)
    assert "Namespace" in verify(archive, world.api, Target(ns), 1).problems[0]
    plan = recreate_plan(archive, world.api, Target(ns))
    assert (len(plan["create"]), plan["change"], plan["problems"]) == (len(archive.objects), {}, [])
    done = recreate(archive, world.api, Target(ns))
    assert (done["refused"], done["waited"]) == ({}, [])
    proof = verify(archive, world.api, Target(ns), 30)
    assert proof.holds, proof.problems
    assert proof.evidence["there"] == proof.evidence["wanted"]
    found = base64.b64decode(core(world, ns, "secrets", "login")["data"]["PASSWORD"]).decode()
    assert found == shop.PASSWORD
    again = world.read(world.export(ns).make("two"))
    assert {label(o): o for o in again.objects} == {label(o): o for o in archive.objects}


def test_a_repeat_makes_no_second_copy(world: World, ns: str, archive: Archive) -> None:
    drop(world, ns)
    recreate(archive, world.api, Target(ns))
    verify(archive, world.api, Target(ns), 30)
    before = core(world, ns, "configmaps", "settings")["metadata"]
    done = recreate(archive, world.api, Target(ns))
    assert (done["created"], done["refused"]) == ([], {})
    assert core(world, ns, "configmaps", "settings")["metadata"] == before
    plan = recreate_plan(archive, world.api, Target(ns))
    assert (plan["create"], plan["change"], plan["unchanged"]) == ([], {}, len(archive.objects))


def test_another_namespace_refers_to_itself(
    world: World, ns: str, archive: Archive, empty: Callable[[str], str]
) -> None:
    other = empty("other")
    drop(world, other)
    recreate(archive, world.api, Target(other))
    assert verify(archive, world.api, Target(other), 30).holds
    assert core(world, other, "configmaps", "settings")["data"]["db"] == f"db.{other}.svc:5432"
    url = base64.b64decode(core(world, other, "secrets", "database")["data"]["URL"]).decode()
    assert url == f"postgres://db.{other}.svc.cluster.local/shop"
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{other}/rolebindings/viewers"
    assert world.api.get(rbac)["subjects"][0]["namespace"] == other
    policy = world.api.get(f"/apis/networking.k8s.io/v1/namespaces/{other}/networkpolicies/inside")
    labels = policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": other}
    assert core(world, ns, "configmaps", "settings")["data"]["db"] == f"db.{ns}.svc:5432"


def test_a_target_that_is_somebody_elses(world: World, archive: Archive, empty: Callable[[str], str]) -> None:
    taken = empty("taken")
    (problem,) = recreate_plan(archive, world.api, Target(taken))["problems"]
    assert f"Namespace/{taken} is there" in problem


def test_what_was_changed_is_named_and_put_back(world: World, ns: str, archive: Archive) -> None:
    body = {"data": {"db": "elsewhere"}}
    world.api.send("PATCH", f"/api/v1/namespaces/{ns}/configmaps/settings", body, MERGE)
    world.api.send("DELETE", f"/apis/{shop.GROUP}/v1/namespaces/{ns}/offers/tea")
    proof = verify(archive, world.api, Target(ns), 5)
    assert set(proof.problems) == {"Offer/tea is missing", "ConfigMap/settings differs in data.db"}
    plan = recreate_plan(archive, world.api, Target(ns))
    assert (plan["create"], plan["change"]) == (["Offer/tea"], {"ConfigMap/settings": ["data.db"]})
    done = recreate(archive, world.api, Target(ns))
    assert done["created"] == ["Offer/tea"]
    assert verify(archive, world.api, Target(ns), 30).holds


def test_an_object_that_is_refused_is_named_and_the_rest_is_done(
    world: World, ns: str, archive: Archive
) -> None:
    offer = next(obj for obj in archive.objects if obj["kind"] == "Offer")
    offer["spec"]["price"] = "free"
    drop(world, ns)
    done = recreate(archive, world.api, Target(ns))
    assert list(done["refused"]) == ["Offer/tea"]
    assert "422" in done["refused"]["Offer/tea"]
    assert len(done["created"]) + len(done["applied"]) == len(archive.objects)  # and the namespace
    assert "Offer/tea is missing" in verify(archive, world.api, Target(ns), 30).problems
    assert "422" in recreate_plan(archive, world.api, Target(ns))["refused"]["Offer/tea"]


def test_a_kind_that_the_cluster_does_not_know_is_made_first(world: World, ns: str, archive: Archive) -> None:
    drop(world, ns)
    world.api.send("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/offers.{shop.GROUP}")
    plan = recreate_plan(archive, world.api, Target(ns))
    assert (plan["definitions"], plan["refused"]) == ([f"offers.{shop.GROUP}"], {})
    assert recreate(archive, world.api, Target(ns))["refused"] == {}
    assert verify(archive, world.api, Target(ns), 30).holds


def test_a_namespace_that_does_not_go(world: World, ns: str, archive: Archive) -> None:
    held = shop.make("v1", "ConfigMap", "held")
    held["metadata"]["finalizers"] = ["upkeep.example/hold"]
    shop.create(world.api, ns, held)
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}")
    assert "is being deleted" in recreate_plan(archive, world.api, Target(ns))["problems"][0]
    with pytest.raises(PermanentError, match=f"Namespace/{ns} has been ending"):
        recreate(archive, world.api, Target(ns), seconds=0.5)
    body = {"metadata": {"finalizers": None}}
    world.api.send("PATCH", f"/api/v1/namespaces/{ns}/configmaps/held", body, MERGE)
    assert recreate(archive, world.api, Target(ns))["refused"] == {}
    assert verify(archive, world.api, Target(ns), 30).holds


def test_a_claim_that_nothing_binds_is_waited_for_and_named(world: World, ns: str, archive: Archive) -> None:
    claim = next(obj for obj in archive.objects if obj["kind"] == "PersistentVolumeClaim")
    claim["spec"]["storageClassName"] = "absent"
    drop(world, ns)
    problems = recreate_plan(archive, world.api, Target(ns))["problems"]
    assert problems == ["PersistentVolumeClaim/data: the cluster has no StorageClass/absent"]
    done = recreate(archive, world.api, Target(ns), seconds=0.5)
    assert done["waited"] == ["PersistentVolumeClaim/data: Pending"]
    assert "PersistentVolumeClaim/data: Pending" in verify(archive, world.api, Target(ns), 1).problems


def test_a_quota_leaves_no_room(world: World, ns: str, archive: Archive) -> None:
    hard = {"configmaps": "1", "requests.cpu": "15m"}
    quota = shop.make("v1", "ResourceQuota", "small", spec={"hard": hard})
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}/configmaps/settings")
    world.api.send("DELETE", f"/apis/apps/v1/namespaces/{ns}/deployments/web")
    shop.create(world.api, ns, quota)
    path = f"/api/v1/namespaces/{ns}/resourcequotas/small/status"
    used = {"hard": hard, "used": {"configmaps": "1", "requests.cpu": "0"}}
    world.api.send("PATCH", path, {"status": used}, MERGE)
    problems = recreate_plan(archive, world.api, Target(ns))["problems"]
    assert problems == [
        "ResourceQuota/small: configmaps: 1 needed, 0 of 1 free",
        "ResourceQuota/small: requests.cpu: 0.02 needed, 0.015 of 15m free",
    ]


def test_one_component_is_restored_alone(world: World, ns: str, archive: Archive) -> None:
    path = f"/apis/apps/v1/namespaces/{ns}/deployments/web"
    broken = world.api.get(path)
    container = broken["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": "does-not-exist:1", "env": [{"name": "BROKEN", "value": "yes"}]}
    world.api.send("PUT", path, broken)
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}/configmaps/settings")
    world.api.send("DELETE", f"/apis/{shop.GROUP}/v1/namespaces/{ns}/offers/tea")
    found = shop.until(lambda: failed_components(world.api, ns, archive), "the failure")
    assert {row["component"] for row in found} == {"ConfigMap/settings", "Deployment/web", "Offer/tea"}
    only = Target(ns, only="Deployment/web")
    done = recreate(archive, world.api, only)
    assert "ConfigMap/settings" in done["created"]
    proof = verify(archive, world.api, only, 30)
    assert proof.holds, proof.problems
    now = world.api.get(path)["spec"]["template"]["spec"]["containers"][0]
    assert (now["image"], now.get("env")) == (shop.IMAGE, None)
    assert [row["component"] for row in failed_components(world.api, ns, archive)] == ["Offer/tea"]
    assert "StatefulSet/db" not in [*done["created"], *done["applied"]]


def test_a_component_that_is_not_in_the_archive(world: World, ns: str, archive: Archive) -> None:
    with pytest.raises(ConfigurationError, match="holds no Deployment/nothing"):
        recreate(archive, world.api, Target(ns, only="Deployment/nothing"))


@pytest.mark.parametrize("requests", [5, 20, 30])
def test_an_api_that_goes_down_in_the_middle(world: World, ns: str, archive: Archive, requests: int) -> None:
    drop(world, ns)
    with (
        cut_after(world.cluster.url, requests) as url,
        api_client(url, world.cluster.token) as client,
        pytest.raises(TemporaryError, match="Kubernetes"),
    ):
        recreate(archive, Kubernetes(client, 5).api, Target(ns), seconds=2)
    assert recreate(archive, world.api, Target(ns))["refused"] == {}
    assert verify(archive, world.api, Target(ns), 30).holds


def test_a_closed_archive_is_not_a_recovery(world: World, ns: str, archive: Archive) -> None:
    copy = world.export(ns).find("one")
    assert copy is not None
    closed = read_archive(world.s3, copy, None)
    assert "sealed" in recreate_plan(closed, world.api, Target(ns))["problems"][0]
    assert any("sealed" in problem for problem in verify(closed, world.api, Target(ns), 1).problems)
