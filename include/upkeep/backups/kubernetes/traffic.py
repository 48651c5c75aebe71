"""Traffic moved in steps from one deployment to another behind the same service, with a gate between."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from upkeep.backups.kubernetes.kinds import DEPLOYMENTS, Kind, Object, listed, name_of
from upkeep.backups.kubernetes.readiness import roll_out
from upkeep.clients.answers import child, whole
from upkeep.clients.kubernetes.api import Api, join
from upkeep.errors import ConfigurationError

STEPS = (0.1, 0.5, 1.0)
"""Shares of the traffic, as lessay's guide moves it: to 10 %, then gradually to all."""

AUTOSCALERS = Kind("autoscaling", "horizontalpodautoscalers", "v2", "HorizontalPodAutoscaler", True)
MERGE = "application/merge-patch+json"

Gate = Callable[[float], str | None]
"""Asked after each step with the share; returns why to go back, None to go on."""


@dataclass(frozen=True)
class Canary:
    """Two deployments behind one service, of which one takes over from the other.

    seconds: how long each rollout of a step may take.
    """

    api: Api
    namespace: str
    service: str
    stable: str
    canary: str
    seconds: float = 300

    def plan(self, steps: Sequence[float] = STEPS) -> dict[str, Any]:
        """Return the replicas of each step, and where things stand, as plain JSON values. Only reads.

        Raises ConfigurationError if the service does not select both deployments, an autoscaler sets the
        replicas of one, or the steps do not rise to at most 1; NotFoundError if one is not there.
        """
        if list(steps) != sorted(steps) or not steps or not 0 < steps[0] <= steps[-1] <= 1:
            raise ConfigurationError(f"steps must rise from above 0 to at most 1: {list(steps)}")
        found = {name: self._get(name) for name in (self.stable, self.canary)}
        self._check_selected(found)
        for scaler in listed(self.api, AUTOSCALERS, self.namespace):
            target = child(child(scaler, "spec"), "scaleTargetRef")
            if target.get("kind") == "Deployment" and target.get("name") in found:
                what = f"HorizontalPodAutoscaler/{name_of(scaler)}"
                raise ConfigurationError(f"{what} sets the replicas of {target['name']}: remove it first")
        total = sum(map(_replicas, found.values()))
        if total < 1:
            raise ConfigurationError(f"{self.stable} and {self.canary} have no replicas to share")
        rows = [{"share": share, "canary": _part(total, share)} for share in steps]
        return {"total": total, "canary_now": _replicas(found[self.canary]), "steps": rows}

    def shift(self, plan: Mapping[str, Any], gate: Gate) -> dict[str, Any]:
        """Move the traffic step by step as planned; go all the way back where the gate says so.

        A repeat after a kill goes on at the step that was reached. Returns reached (share), returned (why,
        or None). Raises TemporaryError if a step is not rolled out in time: traffic stays where it is.
        """
        total, now = int(plan["total"]), _replicas(self._get(self.canary))
        reached = 0.0
        for step in plan["steps"]:
            if step["canary"] < now:
                continue
            self._share(total, step["canary"])
            why = gate(step["share"])
            if why is not None:
                self._share(total, 0)
                return {"reached": reached, "returned": why}
            reached = step["share"]
        return {"reached": reached, "returned": None}

    def _check_selected(self, found: Mapping[str, Object]) -> None:
        service = self.api.get(join("api/v1", self.namespace, "services", self.service))
        selector = child(child(service, "spec"), "selector")
        for name, deployment in found.items():
            labels = child(child(child(child(deployment, "spec"), "template"), "metadata"), "labels")
            if not selector or any(labels.get(key) != value for key, value in selector.items()):
                raise ConfigurationError(f"Service/{self.service} does not select Deployment/{name}'s pods")

    def _share(self, total: int, count: int) -> None:
        """Give the canary `count` of the replicas; whoever gains is ready before the other loses."""
        sizes = {self.stable: total - count, self.canary: count}
        gains = {name: size - _replicas(self._get(name)) for name, size in sizes.items()}
        for name in sorted(sizes, key=lambda name: gains[name], reverse=True):
            path = DEPLOYMENTS.path(self.namespace, name) + "/scale"
            body = {"spec": {"replicas": sizes[name]}}
            self.api.send("PATCH", path, body, MERGE, {"fieldManager": "upkeep"})
            roll_out(self.api, self.namespace, {f"Deployment/{name}"}, self.seconds)

    def _get(self, name: str) -> Object:
        return self.api.get(DEPLOYMENTS.path(self.namespace, name))


def _replicas(deployment: Object) -> int:
    return whole(child(deployment, "spec"), "replicas")


def _part(total: int, share: float) -> int:
    """Return how many of `total` replicas carry a share of the traffic, at least one.

    >>> [_part(10, share) for share in (0.1, 0.5, 1.0)], _part(3, 0.1)
    ([1, 5, 10], 1)
    """
    return max(1, math.ceil(round(total * share, 6)))
