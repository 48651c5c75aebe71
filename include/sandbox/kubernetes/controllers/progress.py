"""A deployment's status: how far its rollout is, and whether it has stopped getting further."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sandbox.kubernetes.clock import Clock, seconds_since
from sandbox.kubernetes.objects import Object, condition, dig, with_condition

_AT_REST = ("NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused")
_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


def deployment_status(deployment: Object, new: Object | None, sets: list[Object], clock: Clock) -> Object:
    """Return the status that the deployment's replica sets add up to."""
    updated = [s for s in sets if new and s["metadata"]["uid"] == new["metadata"]["uid"]]
    status: Object = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": _sum(sets, "replicas"),
        "updatedReplicas": _sum(updated, "replicas"),
        "readyReplicas": _sum(sets, "readyReplicas"),
        "availableReplicas": _sum(sets, "availableReplicas"),
    }
    # During a rollout pods beyond the wanted ones count too, as in the real controller.
    missing = max(status["replicas"] - status["availableReplicas"], 0)
    if missing:
        status["unavailableReplicas"] = missing
    rollout = _Rollout(deployment, new["metadata"]["name"] if new else "", status, clock)
    conditions = dig(deployment, "status", "conditions")
    for entry in (rollout.availability(), rollout.progress()):
        conditions = with_condition(conditions, entry, clock.stamp())
    status["conditions"] = conditions
    return status


def seconds_to_deadline(deployment: Object, status: Object, now: datetime) -> float | None:
    """Return when to look at an unfinished rollout again, in seconds; None when it is done or failed."""
    progressing = condition({"status": status}, "Progressing") or {}
    if progressing.get("reason") in _AT_REST:
        return None
    since = seconds_since(progressing["lastUpdateTime"], now)
    return float(max(_deadline(deployment) - since, 0.0) + 0.05)


@dataclass(frozen=True)
class _Rollout:
    """A deployment, its current replica set's name and its new counts: what its conditions follow from."""

    deployment: Object
    name: str
    status: Object
    clock: Clock

    def availability(self) -> Object:
        wanted = self.deployment["spec"]["replicas"]
        rolling = dig(self.deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable") or 0
        allowed = rolling if isinstance(rolling, int) else wanted * int(rolling.removesuffix("%")) // 100
        if self.status["availableReplicas"] >= wanted - allowed:
            message = "Deployment has minimum availability."
            return self._condition("Available", "True", "MinimumReplicasAvailable", message)
        message = "Deployment does not have minimum availability."
        return self._condition("Available", "False", "MinimumReplicasUnavailable", message)

    def progress(self) -> Object:
        if self.deployment["spec"].get("paused"):
            return self._condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        if self._complete():
            message = f'ReplicaSet "{self.name}" has successfully progressed.'
            return self._condition("Progressing", "True", "NewReplicaSetAvailable", message)
        old = condition(self.deployment, "Progressing")
        if old is None or self._moved():
            message = f'ReplicaSet "{self.name}" is progressing.'
            entry = self._condition("Progressing", "True", "ReplicaSetUpdated", message)
            return {**entry, "lastUpdateTime": self.clock.stamp()}
        if seconds_since(old["lastUpdateTime"], self.clock.now()) > _deadline(self.deployment):
            message = f'ReplicaSet "{self.name}" has timed out progressing.'
            return self._condition("Progressing", "False", "ProgressDeadlineExceeded", message)
        return old

    def _moved(self) -> bool:
        before = self.deployment.get("status") or {}
        return any(before.get(key) != self.status[key] for key in ("observedGeneration", *_COUNTS))

    def _complete(self) -> bool:
        wanted = self.deployment["spec"]["replicas"]
        return all(self.status[k] == wanted for k in ("updatedReplicas", "replicas", "availableReplicas"))

    def _condition(self, kind: str, value: str, reason: str, message: str) -> Object:
        """Return a condition whose update time stays put while its status and reason do."""
        old = condition(self.deployment, kind) or {}
        same = (old.get("status"), old.get("reason")) == (value, reason)
        updated = old["lastUpdateTime"] if same else self.clock.stamp()
        entry = {"type": kind, "status": value, "reason": reason, "message": message}
        return {**entry, "lastUpdateTime": updated}


def _deadline(deployment: Object) -> float:
    """Return the deadline in seconds, and one more: a stamp in whole seconds may be that much too old."""
    return float(deployment["spec"]["progressDeadlineSeconds"] + 1)


def _sum(sets: list[Object], part: str) -> int:
    return sum(dig(s, "status", part) or 0 for s in sets)
