"""Tapio's log archive: what the archiver's log and its index say of each day."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256

from sandbox.kubernetes.clock import stamp
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import ready_count
from sandbox.kubernetes.objects import Key, labels_of
from sandbox.kubernetes.store import Change

INDEX = "log-archive-index"
NAMESPACE = "tapio-system"
_FINISHED = timedelta(minutes=3)
_SOURCES = ("tapio-server", "tapio-agent", "tapio-dashboard", "correlation-events", "audit")


def archive_lines(midnight: datetime) -> list[str]:
    """Return what the archiver writes just after a midnight, about the day that ended."""
    day = (midnight - timedelta(days=1)).date()
    files = _files(day)
    folder = f"/archive/{day:%Y/%m/%d}"
    lines = [f"archived path={folder}/{name}.log.gz bytes={size} sha256={mark}" for name, size, mark in files]
    total = sum(size for _, size, _ in files)
    return [*lines, f"archive completed day={day} files={len(files)} bytes={total}"]


def index_entry(day: date, finished: datetime) -> str:
    """Return the index's value for a day."""
    folder = f"/archive/{day:%Y/%m/%d}"
    files = [
        {"path": f"{folder}/{name}.log.gz", "bytes": size, "sha256": mark} for name, size, mark in _files(day)
    ]
    total = sum(size for _, size, _ in _files(day))
    return json.dumps({"files": files, "bytes": total, "finished_at": stamp(finished)})


def index_until(now: datetime, days: int) -> dict[str, str]:
    """Return the index of the last `days` days that ended before `now`."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    index = {}
    for back in range(days, 0, -1):
        day = (midnight - timedelta(days=back)).date()
        finished = min(midnight - timedelta(days=back - 1) + _FINISHED, now)
        index[day.isoformat()] = index_entry(day, finished)
    return index


def _files(day: date) -> list[tuple[str, int, str]]:
    dice = random.Random(day.toordinal())
    found = []
    for name in _SOURCES:
        mark = sha256(f"{day}/{name}".encode()).hexdigest()
        found.append((name, dice.randint(18_000_000, 64_000_000), mark))
    return found


class Archiver(Controller):
    """Enters each day that ends into the index, as long as the archiver runs. Its keys are days."""

    resource = "(log archive)"

    def interested(self, _: Change) -> Iterable[Key]:
        """Nothing but the time matters."""
        return []

    def start(self, now: datetime) -> None:
        """Wait for the end of the day of `now`."""
        self._await_end(now.date())

    def reconcile(self, key: Key) -> float | None:
        """Enter the day that has ended, and wait for the end of the next."""
        day, now = date.fromisoformat(key[1]), self.cluster.clock.now()
        index = self.cluster.get("configmaps", (NAMESPACE, INDEX))
        pods = [p for p in self.cluster.all("pods", NAMESPACE) if labels_of(p).get("app") == "log-archiver"]
        if index and ready_count(pods):
            data = {**(index.get("data") or {}), str(day): index_entry(day, now)}
            self.cluster.store.update(self.cluster.registry["configmaps"], {**index, "data": data})
        self._await_end(day + timedelta(days=1))
        return None

    def _await_end(self, day: date) -> None:
        end = datetime.combine(day + timedelta(days=1), time(tzinfo=UTC)) + _FINISHED
        wait = (end - self.cluster.clock.now()).total_seconds()
        self.cluster.manager.look_again(self.resource, ("", str(day)), wait)
