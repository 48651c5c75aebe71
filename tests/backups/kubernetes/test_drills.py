"""Drills on a copy of a namespace: made, lost, recovered, removed; nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World

from upkeep.backups.kubernetes.drills import (
    copy_namespace,
    delete_namespace,
    drill_target,
    tear_down,
)
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.verify import verify
from upkeep.errors import PermanentError, TemporaryError


def there(world: World, namespace: str) -> bool:
    """Whether a namespace is there."""
    return shop.get(world.api, f"/api/v1/namespaces/{namespace}") is not None


def test_a_whole_drill(world: World, ns: str) -> None:
    export = world.export(ns)
    archive = world.read(export.make("one"))
    target = drill_target(ns, "first-saturday")
    copy_namespace(archive, world.api, "first-saturday")
    assert verify(archive, world.api, target, 30).holds
    delete_namespace(world.api, target.namespace, "first-saturday")
    assert not there(world, target.namespace)
    recreate(archive, world.api, target)
    assert verify(archive, world.api, target, 30).holds
    assert tear_down(world.api, "first-saturday") == [target.namespace]
    assert (there(world, target.namespace), there(world, ns)) == (False, True)
    assert tear_down(world.api, "first-saturday") == []


def test_a_copy_does_not_reach_outside(world: World, ns: str) -> None:
    archive = world.read(world.export(ns).make("one"))
    done = copy_namespace(archive, world.api, "quiet")
    beside = f"{ns}-drill"
    assert list(done["left_out"]) == ["Ingress/web"]
    assert world.api.get(f"/apis/networking.k8s.io/v1/namespaces/{beside}/ingresses")["items"] == []
    assert world.api.get(f"/apis/batch/v1/namespaces/{beside}/cronjobs/night")["spec"]["suspend"] is True
    public = world.api.get(f"/api/v1/namespaces/{beside}/services/public")["spec"]
    assert (public["type"], [port.get("nodePort") for port in public["ports"]]) == ("ClusterIP", [None])
    tear_down(world.api, "quiet")


def test_what_is_not_the_drills_is_not_deleted(world: World, ns: str) -> None:
    archive = world.read(world.export(ns).make("one"))
    copy_namespace(archive, world.api, "theirs")
    for namespace in (ns, f"{ns}-drill"):
        with pytest.raises(PermanentError, match="not this drill's"):
            delete_namespace(world.api, namespace, "ours")
        assert there(world, namespace)
    assert tear_down(world.api, "ours") == []
    with pytest.raises(PermanentError, match="is not this drill's"):
        copy_namespace(archive, world.api, "ours")
    tear_down(world.api, "theirs")


def test_production_only_where_it_is_said(world: World, ns: str) -> None:
    delete_namespace(world.api, ns, "approved", production=True)
    assert not there(world, ns)
    delete_namespace(world.api, ns, "approved", production=True)


def test_a_recovered_original_does_not_carry_a_drills_label(world: World, ns: str) -> None:
    archive = world.read(world.export(ns).make("one"))
    copy_namespace(archive, world.api, "nested")
    beside = f"{ns}-drill"
    inner = world.read(world.export(beside).make("inner"))
    recreate(inner, world.api, replace(drill_target("unused", ""), namespace=f"{ns}-real", labels={}))
    labels = world.api.get(f"/api/v1/namespaces/{ns}-real")["metadata"]["labels"]
    assert "upkeep.io/drill" not in labels
    tear_down(world.api, "nested")
    delete_namespace(world.api, f"{ns}-real", "", production=True)


def test_a_copy_that_does_not_go_is_named(world: World, ns: str) -> None:
    archive = world.read(world.export(ns).make("one"))
    copy_namespace(archive, world.api, "stuck")
    held = shop.make("v1", "ConfigMap", "held")
    held["metadata"]["finalizers"] = ["upkeep.example/hold"]
    shop.create(world.api, f"{ns}-drill", held)
    with pytest.raises(TemporaryError, match=f"Namespace/{ns}-drill does not go"):
        tear_down(world.api, "stuck", seconds=0.5)
    path = f"/api/v1/namespaces/{ns}-drill/configmaps/held"
    world.api.send("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    tear_down(world.api, "stuck", seconds=30)
    assert not there(world, f"{ns}-drill")
