"""Namespaces: what each one comes with, and its end with all that is in it."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.deletion import BACKGROUND, delete
from sandbox.kubernetes.objects import Key, Object, is_deleting, key_of
from sandbox.kubernetes.store import Change


class Namespaces(Controller):
    """Keeps the namespaces."""

    resource = "namespaces"

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at changed namespaces, and at one on its way out when something in it goes."""
        if change.resource.qualified == "namespaces":
            return [key_of(change.object)]
        name = change.object["metadata"].get("namespace")
        namespace = self.cluster.get("namespaces", ("", name)) if name else None
        return [("", str(name))] if namespace and is_deleting(namespace) else []

    def reconcile(self, key: Key) -> float | None:
        """Fill a new namespace; empty one that is on its way out and then remove it."""
        namespace = self.get(key)
        if namespace is None:
            return None
        if not is_deleting(namespace):
            self._fill(namespace)
            return None
        left = [
            (resource, obj)
            for resource in self.cluster.registry.stored()
            if resource.namespaced
            for obj in self.cluster.store.all(resource, key[1])
        ]
        for resource, obj in left:
            if not is_deleting(obj):
                delete(self.cluster, resource, obj, BACKGROUND)
        if not any(self.cluster.store.all(resource, key[1]) for resource, _ in left):
            self.cluster.store.remove(self.cluster.registry["namespaces"], namespace)
        return None

    def _fill(self, namespace: Object) -> None:
        head = {"namespace": namespace["metadata"]["name"]}
        account: Object = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", **head},
        }
        root: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kube-root-ca.crt", **head},
            "data": {"ca.crt": ""},
        }
        for qualified, obj in (("serviceaccounts", account), ("configmaps", root)):
            if self.cluster.get(qualified, key_of(obj)) is None:
                self.cluster.store.create(self.cluster.registry[qualified], obj)
