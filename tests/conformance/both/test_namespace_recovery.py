"""A namespace exported, lost and recovered; a copy drilled; a release taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyrage
import pytest
from tests.backups.kubernetes import shop
from tests.conformance.cluster import Cluster
from tests.servers.aws import aws

from upkeep.backups.kubernetes.archive import Archive, read_archive
from upkeep.backups.kubernetes.drills import copy_namespace, delete_namespace, drill_target, tear_down
from upkeep.backups.kubernetes.export import NamespaceExport
from upkeep.backups.kubernetes.kinds import label
from upkeep.backups.kubernetes.plan import recreate_plan
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.rollback import rollback_deployment, rollback_plan
from upkeep.backups.kubernetes.verify import failed_components, verify
from upkeep.backups.kubernetes.wanted import Target
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api

IDENTITY = pyrage.x25519.Identity.generate()


@dataclass(frozen=True)
class Shop:
    """A namespace in which the shop runs, and its export."""

    api: Api
    s3: Any
    namespace: str

    def export(self, name: str) -> Archive:
        """Export it, have it examined, and open it."""
        recipients = (str(IDENTITY.to_public()),)
        method = NamespaceExport(
            self.api, self.namespace, self.s3, "exports", f"{self.namespace}/", recipients
        )
        copy = method.make(name)
        problems = [problem for proof in method.check(copy) for problem in proof.problems]
        assert problems == []
        return read_archive(self.s3, copy, str(IDENTITY))

    def lose(self) -> None:
        """Lose the namespace."""
        delete_namespace(self.api, self.namespace, "", production=True, seconds=120)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Where exports go."""
    with aws() as running:
        running.bucket("exports")
        yield running["s3"]


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Api]:
    """Upkeep's own client."""
    with cluster.api() as made:
        yield Kubernetes(made, 30).api


@pytest.fixture
def open_shop(client: Api, s3: Any, namespace: Callable[[str], str]) -> Shop:
    """The shop."""
    name = namespace("shop")
    shop.plant(client, name)
    return Shop(client, s3, name)


def test_a_lost_namespace_comes_back_as_it_was(open_shop: Shop) -> None:
    before = open_shop.export("before")
    assert {label(obj) for obj in before.objects} == {
        *(label(obj) for obj in shop.objects(open_shop.namespace)),
        "ServiceAccount/default",
    }
    target = Target(open_shop.namespace)
    assert recreate_plan(before, open_shop.api, target)["unchanged"] == len(before.objects)
    open_shop.lose()
    done = recreate(before, open_shop.api, target)
    assert done["refused"] == {}
    proof = verify(before, open_shop.api, target, 120)
    assert proof.holds, proof.problems
    after = open_shop.export("after")
    assert {label(o): o for o in after.objects} == {label(o): o for o in before.objects}


def test_a_repeat_changes_nothing(open_shop: Shop) -> None:
    archive, target = open_shop.export("one"), Target(open_shop.namespace)
    recreate(archive, open_shop.api, target)
    verify(archive, open_shop.api, target, 60)
    paths = [
        f"/api/v1/namespaces/{open_shop.namespace}/configmaps/settings",
        f"/api/v1/namespaces/{open_shop.namespace}/services/web",
        f"/apis/{shop.GROUP}/v1/namespaces/{open_shop.namespace}/offers/tea",
    ]
    versions = [open_shop.api.get(path)["metadata"]["resourceVersion"] for path in paths]
    done = recreate(archive, open_shop.api, target)
    assert (done["created"], done["refused"]) == ([], {})
    assert [open_shop.api.get(path)["metadata"]["resourceVersion"] for path in paths] == versions


def test_a_drill_on_a_copy(open_shop: Shop) -> None:
    archive = open_shop.export("one")
    drill = open_shop.namespace
    target = drill_target(open_shop.namespace, drill)
    try:
        assert copy_namespace(archive, open_shop.api, drill)["refused"] == {}
        proof = verify(archive, open_shop.api, target, 120)
        assert proof.holds, proof.problems
        policy = f"/apis/networking.k8s.io/v1/namespaces/{target.namespace}/networkpolicies/inside"
        selector = open_shop.api.get(policy)["spec"]["ingress"][0]["from"][0]["namespaceSelector"]
        assert selector["matchLabels"] == {"kubernetes.io/metadata.name": target.namespace}
    finally:
        assert tear_down(open_shop.api, drill, 120) == [target.namespace]
    assert failed_components(open_shop.api, open_shop.namespace, archive) == []


def test_one_component_is_put_back_exactly(open_shop: Shop) -> None:
    archive, api = open_shop.export("one"), open_shop.api
    path = f"/apis/apps/v1/namespaces/{open_shop.namespace}/deployments/web"
    broken = api.get(path)
    broken["spec"]["template"]["spec"]["containers"][0] |= {
        "image": "does-not-exist:1",
        "env": [{"name": "BROKEN", "value": "yes"}],
    }
    api.send("PUT", path, broken)
    found = shop.until(lambda: failed_components(api, open_shop.namespace, archive), "the failure")
    assert [row["component"] for row in found] == ["Deployment/web"]
    only = Target(open_shop.namespace, only="Deployment/web")
    assert recreate(archive, api, only)["refused"] == {}
    proof = verify(archive, api, only, 120)
    assert proof.holds, proof.problems
    assert "env" not in api.get(path)["spec"]["template"]["spec"]["containers"][0]


def test_an_object_that_is_refused_is_named_and_the_rest_is_done(open_shop: Shop) -> None:
    archive = open_shop.export("one")
    offer = next(obj for obj in archive.objects if obj["kind"] == "Offer")
    offer["spec"]["price"] = "free"
    plan = recreate_plan(archive, open_shop.api, Target(open_shop.namespace))
    done = recreate(archive, open_shop.api, Target(open_shop.namespace))
    for refused in (plan["refused"], done["refused"]):
        assert list(refused) == ["Offer/tea"]
        assert "spec.price" in refused["Offer/tea"]
    assert len(done["created"]) + len(done["applied"]) == len(archive.objects)


def test_a_release_is_taken_back(client: Api, namespace: Callable[[str], str]) -> None:
    name = namespace("release")
    path = f"/apis/apps/v1/namespaces/{name}/deployments/app"
    shop.create(client, name, shop.workload("Deployment", "app", 2))
    shop.until(lambda: not failed_components(client, name), "the first release")
    broken = client.get(path)
    broken["spec"]["template"]["spec"]["containers"][0]["image"] = "does-not-exist:2"
    client.send("PUT", path, broken)
    shop.until(lambda: failed_components(client, name), "the failure")
    shop.until(lambda: len(client.get(f"/apis/apps/v1/namespaces/{name}/replicasets")["items"]) == 2, "both")
    plan = rollback_plan(client, name, "app")
    assert plan["to"]["images"] == [shop.IMAGE]
    assert rollback_deployment(client, name, "app", plan["to"]["replica_set"], 60)["changed"]
    assert not rollback_deployment(client, name, "app", plan["to"]["replica_set"], 60)["changed"]
