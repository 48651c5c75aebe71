"""A deployment put back to an earlier revision, and traffic moved in steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World

from upkeep.backups.kubernetes.rollback import rollback_deployment, rollback_plan
from upkeep.backups.kubernetes.traffic import Canary
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

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


@pytest.fixture
def canary(world: World, empty: Callable[[str], str]) -> Canary:
    """Two deployments behind one service, all traffic on the first."""
    name = empty("traffic")
    made = [shop.workload("Deployment", one, count) for one, count in (("old", 10), ("new", 0))]
    for one in made:
        one["spec"]["template"]["metadata"]["labels"]["part"] = "web"
    service = shop.make("v1", "Service", "web", spec={"selector": {"part": "web"}, "ports": [{"port": 80}]})
    shop.create(world.api, name, *made, service)
    ready(world, name, "old")
    return Canary(world.api, name, "web", "old", "new", 30)


def shares(world: World, canary: Canary) -> tuple[int, int]:
    """The replicas of both."""
    specs = [world.api.get(path(canary.namespace, name))["spec"] for name in ("old", "new")]
    return specs[0]["replicas"], specs[1]["replicas"]


def test_traffic_returns_in_steps_with_a_gate_between(world: World, canary: Canary) -> None:
    seen = []

    def gate(share: float) -> None:
        seen.append((share, shares(world, canary)))

    assert canary.shift(canary.plan(), gate) == {"reached": 1.0, "returned": None}
    assert seen == [(0.1, (9, 1)), (0.5, (5, 5)), (1.0, (0, 10))]


def test_a_gate_that_closes_sends_all_traffic_back(world: World, canary: Canary) -> None:
    def gate(share: float) -> str | None:
        return "errors rose to 4 %" if share > 0.1 else None

    done = canary.shift(canary.plan(), gate)
    assert done == {"reached": 0.1, "returned": "errors rose to 4 %"}
    assert shares(world, canary) == (10, 0)


def test_a_repeat_goes_on_where_a_kill_ended_it(world: World, canary: Canary) -> None:
    plan = canary.plan()

    def killed(share: float) -> None:
        if share == 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        canary.shift(plan, killed)
    assert shares(world, canary) == (5, 5)
    asked: list[float] = []
    canary.shift(plan, asked.append)  # returns None: go on
    assert (asked, shares(world, canary)) == ([0.5, 1.0], (0, 10))


def test_a_canary_that_does_not_start_gets_no_traffic(world: World, canary: Canary) -> None:
    template = world.api.get(path(canary.namespace, "new"))
    template["spec"]["template"]["spec"]["containers"][0]["image"] = "does-not-exist:1"
    world.api.send("PUT", path(canary.namespace, "new"), template)
    quick = Canary(world.api, canary.namespace, "web", "old", "new", 1)
    with pytest.raises(TemporaryError, match="Deployment/new"):
        quick.shift(quick.plan(), lambda _: None)
    assert shares(world, canary) == (10, 1)


@pytest.mark.parametrize("steps", [(), (0.5, 0.1), (0.0, 1.0), (0.5, 1.5)])
def test_steps_that_do_not_rise(canary: Canary, steps: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="rise"):
        canary.plan(steps)


def test_what_cannot_share_traffic(world: World, canary: Canary) -> None:
    other = shop.make("v1", "Service", "other", spec={"selector": {"part": "db"}, "ports": [{"port": 80}]})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old"}
    scaler = shop.make(
        "autoscaling/v2", "HorizontalPodAutoscaler", "old", spec={"scaleTargetRef": target, "maxReplicas": 10}
    )
    shop.create(world.api, canary.namespace, other)
    with pytest.raises(ConfigurationError, match="Service/other does not select"):
        Canary(world.api, canary.namespace, "other", "old", "new").plan()
    shop.create(world.api, canary.namespace, scaler)
    with pytest.raises(ConfigurationError, match="HorizontalPodAutoscaler/old"):
        canary.plan()
