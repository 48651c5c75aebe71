"""CustomResourceDefinitions: what they define is served at once, and goes with them."""

from __future__ import annotations

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.objects import Key, is_true, with_condition
from sandbox.kubernetes.store import Change


class Definitions(Controller):
    """Establishes the definitions."""

    resource = "customresourcedefinitions.apiextensions.k8s.io"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        # First of the listeners: the registry must know the kind before anything else hears of it.
        cluster.store.listeners.insert(0, self._serve)

    def _serve(self, change: Change) -> None:
        if change.resource.qualified != self.resource:
            return
        if change.type != "DELETED":
            self.cluster.registry.add_definition(change.object)
            return
        names, group = change.object["spec"]["names"], change.object["spec"]["group"]
        resource = self.cluster.registry[f"{names['plural']}.{group}"]
        for obj in self.cluster.store.all(resource):
            self.cluster.store.remove(resource, obj)
        self.cluster.registry.remove_definition(change.object)

    def reconcile(self, key: Key) -> float | None:
        """Say that the definition is in force."""
        definition = self.get(key)
        if definition is None or is_true(definition, "Established"):
            return None
        stamp, conditions = self.cluster.clock.stamp(), None
        for kind, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted")):
            entry = {"type": kind, "status": "True", "reason": reason, "message": ""}
            conditions = with_condition(conditions, entry, stamp)
        versions = [v["name"] for v in definition["spec"]["versions"] if v.get("storage")]
        names = definition["spec"]["names"]
        self.cluster.set_status(
            self.resource, definition, conditions=conditions, acceptedNames=names, storedVersions=versions
        )
        return None
