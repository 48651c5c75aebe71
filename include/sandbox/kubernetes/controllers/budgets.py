"""PodDisruptionBudgets: how many pods may be evicted now."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import active, ready_count
from sandbox.kubernetes.objects import Key, Object, key_of, labels_of
from sandbox.kubernetes.selectors import matches
from sandbox.kubernetes.store import Change


class Budgets(Controller):
    """Counts the pods of each budget."""

    resource = "poddisruptionbudgets.policy"

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at changed budgets, and at those that cover a changed pod."""
        if change.resource.qualified == self.resource:
            return [key_of(change.object)]
        if change.resource.qualified != "pods":
            return []
        budgets = self.cluster.all(self.resource, key_of(change.object)[0])
        return [key_of(b) for b in budgets if matches(b["spec"].get("selector"), labels_of(change.object))]

    def reconcile(self, key: Key) -> float | None:
        """Write how many disruptions are allowed."""
        budget = self.get(key)
        if budget is None:
            return None
        selector = budget["spec"].get("selector")
        pods = active(p for p in self.cluster.all("pods", key[0]) if matches(selector, labels_of(p)))
        healthy, desired = ready_count(pods), _desired(budget, len(pods))
        self.cluster.set_status(
            self.resource,
            budget,
            currentHealthy=healthy,
            desiredHealthy=desired,
            expectedPods=len(pods),
            disruptionsAllowed=max(healthy - desired, 0),
            observedGeneration=budget["metadata"]["generation"],
        )
        return None


def _desired(budget: Object, expected: int) -> int:
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        return max(expected - _count(spec["maxUnavailable"], expected), 0)
    return _count(spec.get("minAvailable", 1), expected)


def _count(value: int | str, total: int) -> int:
    """Return a number or a percentage of pods, rounded up."""
    return value if isinstance(value, int) else -(-total * int(value.removesuffix("%")) // 100)
