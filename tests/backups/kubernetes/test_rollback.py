"""A deployment put back to an earlier revision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World

from upkeep.backups.kubernetes.rollback import rollback_deployment, rollback_plan
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError, TemporaryError

MERGE = "application/merge-patch+json"


@pytest.fixture
def ns(world: World, empty: Callable[[str], str]) -> str:
    """A namespace with a deployment `app` of two replicas."""
    name = empty("app")
    shop.create(world.api, name, shop.workload("Deployment", "app", 2, "app:1"))
    ready(world, name, "app")
    return name


def path(namespace: str, name: str) -> str:
    """Of a deployment."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def ready(world: World, namespace: str, name: str) -> None:
    """Wait for a rollout."""

    def done() -> bool:
        found = world.api.get(path(namespace, name))
        status = found.get("status") or {}
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        return (
            seen
            and status.get("availableReplicas") == status.get("updatedReplicas") == found["spec"]["replicas"]
        )

    shop.until(done, f"{name} rolled out")


def images(world: World, namespace: str) -> list[str]:
    """The images of the deployment `app`."""
    spec = world.api.get(path(namespace, "app"))["spec"]["template"]["spec"]
    return [container["image"] for container in spec["containers"]]


def release(world: World, namespace: str, image: str, **container: object) -> None:
    """Change the image, and more."""
    found = world.api.get(path(namespace, "app"))
    found["spec"]["template"]["spec"]["containers"][0] |= {"image": image, **container}
    world.api.send("PUT", path(namespace, "app"), found)


def test_a_rollback_goes_to_the_revision_before(world: World, ns: str) -> None:
    release(world, ns, "app:2", env=[{"name": "NEW", "value": "1"}])
    ready(world, ns, "app")
    plan = rollback_plan(world.api, ns, "app")
    assert (plan["from"]["images"], plan["to"]["images"]) == (["app:2"], ["app:1"])
    assert rollback_deployment(world.api, ns, "app", plan["to"]["replica_set"], 30)["changed"] is True
    assert images(world, ns) == ["app:1"]
    container = world.api.get(path(ns, "app"))["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in container
    generation = world.api.get(path(ns, "app"))["metadata"]["generation"]
    assert rollback_deployment(world.api, ns, "app", plan["to"]["replica_set"], 30)["changed"] is False
    assert world.api.get(path(ns, "app"))["metadata"]["generation"] == generation


def test_a_release_that_cannot_start_is_rolled_back(world: World, ns: str) -> None:
    release(world, ns, "does-not-exist:2")
    plan = shop.until(lambda: _plan(world, ns), "the new revision")
    assert rollback_deployment(world.api, ns, "app", plan["to"]["replica_set"], 30)["images"] == ["app:1"]


def _plan(world: World, namespace: str) -> Any:
    try:
        return rollback_plan(world.api, namespace, "app")
    except TemporaryError:
        return None


def test_an_older_revision_by_its_number(world: World, ns: str) -> None:
    for image in ("app:2", "app:3"):
        release(world, ns, image)
        ready(world, ns, "app")
    assert rollback_plan(world.api, ns, "app", 1)["to"]["images"] == ["app:1"]
    with pytest.raises(PermanentError, match="no revision 7"):
        rollback_plan(world.api, ns, "app", 7)


def test_what_cannot_be_rolled_back(world: World, ns: str) -> None:
    with pytest.raises(PermanentError, match="has no revision before its first"):
        rollback_plan(world.api, ns, "app")
    with pytest.raises(PermanentError, match="has no ReplicaSet/other"):
        rollback_deployment(world.api, ns, "app", "other")
    world.api.send("PATCH", path(ns, "app"), {"spec": {"paused": True}}, MERGE)
    with pytest.raises(PermanentError, match="paused"):
        rollback_plan(world.api, ns, "app")
    with pytest.raises(NotFoundError):
        rollback_plan(world.api, ns, "nothing")
