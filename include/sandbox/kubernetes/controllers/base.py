"""What a control loop is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.objects import Key, Object, controller_of, key_of
from sandbox.kubernetes.store import Change


class Controller:
    """One control loop. It is told of changes and asked to reconcile one object at a time."""

    resource: ClassVar[str]
    """The resource it reconciles, as in `deployments.apps`."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def interested(self, change: Change) -> Iterable[Key]:
        """Return the keys to reconcile because of a change: the object's own, or that of its controller."""
        if change.resource.qualified == self.resource:
            return [key_of(change.object)]
        reference = controller_of(change.object)
        if reference is None:
            return []
        owner = self.cluster.registry.of_kind(reference["apiVersion"], reference["kind"])
        if owner is None or owner.qualified != self.resource:
            return []
        return [(change.object["metadata"].get("namespace", ""), reference["name"])]

    def reconcile(self, key: Key) -> float | None:
        """Bring the object closer to its spec; return the seconds after which to look again, if any."""
        raise NotImplementedError

    def get(self, key: Key) -> Object | None:
        """Return the object to reconcile, or None if it is gone."""
        return self.cluster.get(self.resource, key)

    def owned(self, owner: Object, qualified: str) -> list[Object]:
        """Return the objects of one resource that `owner` controls, oldest first."""
        wanted, uid = self.cluster.registry[qualified].id, owner["metadata"]["uid"]
        found = [
            child
            for resource, child in self.cluster.store.children(uid)
            if resource.id == wanted and (controller_of(child) or {}).get("uid") == uid
        ]
        return sorted(found, key=lambda child: child["metadata"]["creationTimestamp"])
