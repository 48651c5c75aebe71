"""The cluster: everything that the request handlers and controllers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kubernetes.behaviours import Behaviours
from sandbox.kubernetes.clock import Clock
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.logs import LogBook
from sandbox.kubernetes.objects import Key, Object
from sandbox.kubernetes.paging import Pager
from sandbox.kubernetes.programs import Programs
from sandbox.kubernetes.resources import Registry
from sandbox.kubernetes.store import Store
from sandbox.kubernetes.usage import UsageBook

if TYPE_CHECKING:
    from sandbox.kubernetes.controllers.manager import Manager


class Cluster:
    """One cluster's state and rules."""

    manager: Manager

    def __init__(self) -> None:
        self.clock = Clock()
        self.registry = Registry()
        self.store = Store(self.clock)
        self.pager = Pager(self.clock)
        self.logs = LogBook()
        self.behaviours = Behaviours()
        self.programs = Programs()
        self.usage = UsageBook(self)
        self.events = Recorder(self)

    def get(self, qualified: str, key: Key) -> Object | None:
        """Return a stored object by its resource's name, as in `deployments.apps`."""
        return self.store.get(self.registry[qualified], *key)

    def all(self, qualified: str, namespace: str = "") -> list[Object]:
        """Return stored objects by their resource's name."""
        return self.store.all(self.registry[qualified], namespace)

    def set_status(self, qualified: str, obj: Object, **changes: object) -> Object:
        """Change parts of an object's status; None drops a part. Return the object as stored."""
        status = {**(obj.get("status") or {}), **changes}
        status = {key: value for key, value in status.items() if value is not None}
        return self.store.set_status(self.registry[qualified], obj, status)
