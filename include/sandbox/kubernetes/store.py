"""The objects, their versions and the history that watches read.

Stored objects are shared with whoever reads them: a change replaces an object, it never edits one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from sandbox.kubernetes.clock import Clock
from sandbox.kubernetes.errors import already_exists
from sandbox.kubernetes.objects import Key, Object, key_of, with_metadata
from sandbox.kubernetes.resources import Resource

HISTORY_LENGTH = 20_000
"""Changes that a watch can start from: minutes of a busy estate, some megabytes."""

_NOT_SPEC = ("metadata", "status", "apiVersion", "kind")


@dataclass(frozen=True)
class Change:
    """One change of one object. type: ADDED, MODIFIED or DELETED."""

    revision: int
    type: str
    resource: Resource
    object: Object
    previous: Object | None


class Store:
    """All stored objects, by resource, namespace and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tables: dict[tuple[str, str], dict[Key, Object]] = {}
        self._children: dict[str, dict[tuple[tuple[str, str], Key], Resource]] = {}
        self._uids: set[str] = set()
        self.listeners: list[Callable[[Change], None]] = []
        self.history: deque[Change] = deque(maxlen=HISTORY_LENGTH)
        # Larger at every start, so that a version from before a restart is old, not of the future.
        self.revision = int(time.time() * 100)
        self.forgotten = self.revision
        """No watch can start before this revision."""

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return the object, or None."""
        return self._tables.get(resource.id, {}).get((namespace, name))

    def all(self, resource: Resource, namespace: str = "") -> list[Object]:
        """Return the objects of one namespace, or of all, sorted by namespace and name."""
        table = self._tables.get(resource.id, {})
        keys = sorted(key for key in table if not namespace or key[0] == namespace)
        return [table[key] for key in keys]

    def count(self, resource: Resource) -> int:
        """Return how many objects there are."""
        return len(self._tables.get(resource.id, {}))

    def exists(self, uid: str) -> bool:
        """Tell whether an object of that uid is stored."""
        return uid in self._uids

    def children(self, uid: str) -> list[tuple[Resource, Object]]:
        """Return the objects that name `uid` among their owners."""
        found = self._children.get(uid, {}).items()
        return [(resource, self._tables[identity][key]) for (identity, key), resource in found]

    def create(self, resource: Resource, obj: Object) -> Object:
        """Store a new object; raise ApiError 409 if its name is taken."""
        key = key_of(obj)
        table = self._tables.setdefault(resource.id, {})
        if key in table:
            raise already_exists(resource, key[1])
        metadata = {"uid": str(uuid4()), **obj["metadata"], "creationTimestamp": self._clock.stamp()}
        if resource.generation:
            metadata["generation"] = 1
        return self._put("ADDED", resource, {**obj, "metadata": metadata})

    def update(self, resource: Resource, obj: Object) -> Object:
        """Store a new state of an object; an unchanged one keeps its version."""
        old = self._tables[resource.id][key_of(obj)]
        metadata = {**obj["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
        if resource.generation:
            changed = _desired(old) != _desired(obj)
            metadata["generation"] = old["metadata"].get("generation", 1) + int(changed)
        new = {**obj, "metadata": metadata}
        return old if new == old else self._put("MODIFIED", resource, new)

    def set_status(self, resource: Resource, obj: Object, status: Object) -> Object:
        """Store a new status of an object that still exists; return the object as stored."""
        current = self.get(resource, *key_of(obj))
        if current is None or current["metadata"]["uid"] != obj["metadata"]["uid"]:
            return obj
        return self.update(resource, {**current, "status": status})

    def remove(self, resource: Resource, obj: Object) -> None:
        """Remove an object."""
        key = key_of(obj)
        old = self._tables[resource.id].pop(key)
        self._uids.discard(old["metadata"]["uid"])
        self._unlink(resource, old)
        self.revision += 1
        last = with_metadata(old, resourceVersion=str(self.revision))
        self._tell(Change(self.revision, "DELETED", resource, last, old))

    def forget_history(self) -> None:
        """Drop all history, as the real server's compaction does: older watches answer 410."""
        self.history.clear()
        self.forgotten = self.revision

    def _put(self, change: str, resource: Resource, obj: Object) -> Object:
        self.revision += 1
        new = with_metadata(obj, resourceVersion=str(self.revision))
        table, key = self._tables[resource.id], key_of(obj)
        old = table.get(key)
        if old is not None:
            self._unlink(resource, old)
        table[key] = new
        self._uids.add(new["metadata"]["uid"])
        for reference in new["metadata"].get("ownerReferences") or ():
            self._children.setdefault(reference["uid"], {})[resource.id, key] = resource
        self._tell(Change(self.revision, change, resource, new, old))
        return new

    def _unlink(self, resource: Resource, obj: Object) -> None:
        for reference in obj["metadata"].get("ownerReferences") or ():
            siblings = self._children.get(reference["uid"], {})
            siblings.pop((resource.id, key_of(obj)), None)
            if not siblings:
                self._children.pop(reference["uid"], None)

    def _tell(self, change: Change) -> None:
        if len(self.history) == self.history.maxlen:
            self.forgotten = self.history[0].revision
        self.history.append(change)
        for listener in list(self.listeners):
            listener(change)


def _desired(obj: Object) -> Object:
    """What generation counts: the spec, or of an object without one everything but its status."""
    return {key: value for key, value in obj.items() if key not in _NOT_SPEC}
