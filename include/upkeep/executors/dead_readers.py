"""Frees a queue that a killed process was reading: the lock of a dead reader is held for ever.

The workers of Airflow's LocalExecutor share one `SimpleQueue`. The one that waits for the next task holds
the queue's lock while it waits; where it is killed (by hand, for want of memory), no other worker ever gets
a task again, and the scheduler goes on as if nothing were wrong.
"""

from __future__ import annotations

import time
from multiprocessing.queues import SimpleQueue
from typing import Any

PATIENCE_SECONDS = 5.0
"""How long a message may lie in the queue of a living reader: it takes it as soon as it runs."""


class DeadReaders:
    """Watches one queue of several readers. Ask `free` often, and tell of each reader that was killed."""

    def __init__(self, queue: SimpleQueue[Any], patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._queue, self._patience = queue, patience_seconds
        self._killed = False
        self._waiting_since: float | None = None

    def killed(self) -> None:
        """Take note that a reader did not end by itself."""
        self._killed = True

    def free(self) -> bool:
        """Return whether the lock of a dead reader was released: a message has lain there too long.

        Without a killed reader nothing is ever released; the lock of a living one is its own.
        """
        if not self._killed or self._queue.empty():
            self._waiting_since = None
            return False
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since < self._patience:
            return False
        lock: Any = self._queue._rlock  # type: ignore[attr-defined]  # there is no public way to it
        was_held = not lock.acquire(block=False)
        lock.release()
        self._killed, self._waiting_since = False, None
        return was_held
