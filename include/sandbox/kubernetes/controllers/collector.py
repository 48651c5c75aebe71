"""The garbage collector: removes what has lost its owner, and ends deletions in the foreground."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.deletion import BACKGROUND, FOREGROUND_FINALIZER, delete, settle_finalizers
from sandbox.kubernetes.objects import Key, Object, is_deleting, key_of, with_metadata
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.store import Change


class Collector(Controller):
    """Collects garbage. Its keys are an object's resource and uid."""

    resource = "(garbage)"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._suspects: dict[str, tuple[Resource, Key]] = {}

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at an object's dependents when it goes, and at a new object that names owners."""
        obj, uid = change.object, change.object["metadata"]["uid"]
        keys = []
        if change.type == "ADDED" and obj["metadata"].get("ownerReferences"):
            self._suspects[uid] = (change.resource, key_of(obj))
            keys.append(("orphan?", uid))
        foreground = FOREGROUND_FINALIZER in (obj["metadata"].get("finalizers") or ())
        if change.type == "DELETED" or (is_deleting(obj) and foreground):
            self._suspects[uid] = (change.resource, key_of(obj))
            keys.append(("dependents", uid))
        if change.type == "DELETED":
            owners = obj["metadata"].get("ownerReferences") or ()
            keys += [("dependents", owner["uid"]) for owner in owners if owner["uid"] in self._suspects]
        return keys

    def reconcile(self, key: Key) -> float | None:
        """Delete what has no owner left."""
        question, uid = key
        if question == "orphan?":
            resource, place = self._suspects.pop(uid, (None, ("", "")))
            found = self.cluster.store.get(resource, *place) if resource else None
            if resource and found and found["metadata"]["uid"] == uid:
                self._collect(resource, found)
            return None
        for resource, child in self.cluster.store.children(uid):
            if self.cluster.store.exists(uid):
                if not is_deleting(child):
                    delete(self.cluster, resource, child, BACKGROUND)
            else:
                self._collect(resource, child)
        self._finish(uid)
        return None

    def _collect(self, resource: Resource, obj: Object) -> None:
        owners = obj["metadata"].get("ownerReferences") or []
        if not is_deleting(obj) and not any(self.cluster.store.exists(owner["uid"]) for owner in owners):
            delete(self.cluster, resource, obj, BACKGROUND)

    def _finish(self, uid: str) -> None:
        """End a deletion in the foreground once nothing depends on the object."""
        if uid not in self._suspects or any(_blocks(c, uid) for _, c in self.cluster.store.children(uid)):
            return
        resource, place = self._suspects.pop(uid)
        owner = self.cluster.store.get(resource, *place)
        if owner is None or owner["metadata"]["uid"] != uid or not is_deleting(owner):
            return
        left = [f for f in owner["metadata"].get("finalizers") or () if f != FOREGROUND_FINALIZER]
        changed = self.cluster.store.update(resource, with_metadata(owner, finalizers=left or None))
        settle_finalizers(self.cluster, resource, changed)


def _blocks(child: Object, uid: str) -> bool:
    """Tell whether an owner that is deleted in the foreground waits for this dependent."""
    references = child["metadata"].get("ownerReferences") or ()
    return any(r["uid"] == uid and r.get("blockOwnerDeletion") for r in references)
