"""Runs the control loops: a queue of keys that are due, fed by the store's changes."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from datetime import UTC, datetime, timedelta

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.objects import Key
from sandbox.kubernetes.store import Change

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
_BATCH = 50
"""Reconciliations between two chances for the requests to be answered."""

_Entry = tuple[float, int, int, Key]


class Manager:
    """The queue and the loops."""

    def __init__(self, cluster: Cluster, controllers: list[Controller]) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._heap: list[_Entry] = []
        self._due: dict[tuple[int, Key], float] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()
        cluster.manager = self
        cluster.store.listeners.append(self._changed)

    def add(self, controller: Controller) -> None:
        """Run one more control loop."""
        self._controllers.append(controller)

    async def run(self) -> None:
        """Reconcile for ever."""
        while True:
            for _ in range(_BATCH):
                if not self._step(self._now()):
                    break
            await asyncio.sleep(0)
            wait = self._heap[0][0] - self._now() if self._heap else None
            if wait is None or wait > 0:
                await self._sleep(wait)

    def settle(self, seconds: float) -> None:
        """Simulate what happens in the next `seconds` on the frozen clock, without waiting."""
        until = self._now() + seconds
        while self._heap and self._heap[0][0] <= until:
            moment = max(self._heap[0][0], self._now())
            self._cluster.clock.freeze(datetime.fromtimestamp(moment, UTC))
            self._step(moment)
        self._cluster.clock.freeze(datetime.fromtimestamp(until, UTC))

    def reconcile_now(self, qualified: str, key: Key) -> None:
        """Reconcile one object at once, for a client that must see the effect in the next request."""
        for number, controller in enumerate(self._controllers):
            if controller.resource == qualified:
                self._reconcile(number, key)

    def look_again(self, qualified: str, key: Key, after: float = 0.0) -> None:
        """Reconcile one object soon, though it has not changed."""
        for number, controller in enumerate(self._controllers):
            if controller.resource == qualified:
                self._add(number, key, after)

    def _changed(self, change: Change) -> None:
        for number, controller in enumerate(self._controllers):
            for key in controller.interested(change):
                self._add(number, key, 0.0)

    def _add(self, number: int, key: Key, after: float) -> None:
        due = self._now() + after
        if self._due.get((number, key), float("inf")) <= due:
            return
        self._due[number, key] = due
        heapq.heappush(self._heap, (due, next(self._order), number, key))
        self._wake.set()

    def _step(self, now: float) -> bool:
        """Handle the first entry if it is due; tell whether it was."""
        if not self._heap or self._heap[0][0] > now:
            return False
        due, _, number, key = heapq.heappop(self._heap)
        if self._due.get((number, key)) == due:
            del self._due[number, key]
            self._reconcile(number, key)
        return True

    def _reconcile(self, number: int, key: Key) -> None:
        controller = self._controllers[number]
        try:
            again = controller.reconcile(key)
        except Exception:  # one object that cannot be reconciled must not stop the others
            _log.exception("%s %s: reconcile failed", controller.resource, "/".join(key))
            again = RETRY_SECONDS
        if again is not None:
            self._add(number, key, again)

    def _now(self) -> float:
        return self._cluster.clock.now().timestamp()

    async def _sleep(self, seconds: float | None) -> None:
        self._wake.clear()
        try:
            limit = None if seconds is None else max(seconds, 0.0) + timedelta(milliseconds=1).total_seconds()
            await asyncio.wait_for(self._wake.wait(), limit)
        except TimeoutError:
            return
