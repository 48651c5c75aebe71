"""What the settings that make pages quick cost while nothing is due: processor time, not wall time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from bench.rows import Row
from sandbox import process
from sandbox.drills.airflow import Drill, drill

SYSTEMS = 20
SECONDS = 120.0
"""Two watchdogs, and a scheduler that finds nothing else to do."""

AIRFLOWS_OWN = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "300",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "5",
}
"""Airflow's defaults of the settings that the suite changes."""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the row; an Airflow with the suite's settings runs, then one with Airflow's own."""
    del folder  # the databases' user cannot enter it
    ours, defaults = _idle({}), _idle(AIRFLOWS_OWN)
    note = f"of one core: {ours:.0%} with the suite's settings, {defaults:.0%} with Airflow's own"
    yield Row("escalation.idle", ours / defaults, "x Airflow's own settings", None, note)


def _idle(settings: Mapping[str, str]) -> float:
    """Return the share of one core that all parts of an idle Airflow use, its databases among them."""
    with drill(SYSTEMS, settings) as running:
        time.sleep(SECONDS / 4)  # the first minute parses every file
        before = _used(running)
        time.sleep(SECONDS)
        return (_used(running) - before) / SECONDS


def _used(running: Drill) -> float:
    """Return the seconds of processor time of all processes so far, those that have ended too."""
    total = 0.0
    for child in [*process.recorded(running.folder), *process.recorded(running.platform.folder)]:
        root = psutil.Process(child.pid)
        for one in [root, *root.children(recursive=True)]:
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:  # its time is its parent's now
                continue
            total += sum(times[:4])
    return total
