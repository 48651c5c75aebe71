"""Wakes the DAG that serves the chains after an answer; the answer neither waits for it nor depends on it.

Whatever goes wrong here is logged: the watchdog looks every minute for what is due and has no wake-up.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="upkeep-wake")


def wake_soon() -> None:
    """Ask for a run that pages and tells whoever is due now, in a thread of its own."""
    _THREADS.submit(_wake)


def _wake() -> None:
    try:
        from upkeep.operators import escalation

        escalation.wake_soon()
    except Exception:
        log.exception("no run was asked for after an answer; the watchdog will")
