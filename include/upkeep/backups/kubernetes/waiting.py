"""Waiting until a cluster has done what it was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from upkeep.errors import TemporaryError

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two looks: short at first, as most things take no time."""


def wait_until_none(outstanding: Callable[[], Sequence[str]], seconds: float) -> list[str]:
    """Ask until nothing is outstanding; return what still is after `seconds`.

    An API server that does not answer for a while is waited for too; if that is how it ends, its
    TemporaryError is raised.
    """
    end, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        try:
            left = list(outstanding())
            if not left:
                return []
        except TemporaryError:
            if time.monotonic() >= end:
                raise
            left = []
        if left and time.monotonic() >= end:
            return left
        time.sleep(min(pause, max(end - time.monotonic(), 0.0)))
        pause = min(pause * 1.5, LONGEST_PAUSE)
