"""Killing a part of the drill's Airflow with SIGKILL, and starting it again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from sandbox import process
from sandbox.demo.platform import ENVIRONMENT
from sandbox.drills.airflow import LEDGER, Drill, wait_for
from sandbox.errors import PartFailed
from sandbox.parts.model import Context
from upkeep.errors import UpkeepError

PARTS = ("scheduler", "triggerer", "worker", "api-server", "ledger")

Restart = Callable[[], None]


def kill(drill: Drill, part: str) -> Restart:
    """Kill a part and all its processes; return what starts it again and waits until it answers.

    A worker is a process of the scheduler, with the task that it runs: the scheduler replaces it by itself.
    """
    if part == "worker":
        _kill_worker(drill)
        return lambda: None
    folder = drill.folder if part == "ledger" else drill.platform.folder
    child = next(one for one in process.recorded(folder) if one.name == part)
    _kill([process.find(child.pid, child.started)])
    wait_for(lambda: not process.alive(child), f"the end of {part}")
    if part == "ledger":
        return lambda: _start_ledger(drill)
    return lambda: _start_component(drill, part)


def _start_component(drill: Drill, part: str) -> None:
    environment = json.loads((drill.platform.folder / ENVIRONMENT).read_text())
    program = Path(sys.executable).parent / "airflow"
    process.start(drill.platform.folder, part, [program, part], environment=environment)
    if part == "api-server":
        wait_for(lambda: _answers(drill), "the API server answers")


def _start_ledger(drill: Drill) -> None:
    # The port was its own a moment ago, and recovery may take a moment.
    end = time.monotonic() + 60
    while True:
        try:
            LEDGER.start(Context(folder=drill.folder))
        except PartFailed:
            if time.monotonic() > end:
                raise
            # One that is slow to answer is there all the same, and lets no second one start.
            for child in process.recorded(drill.folder):
                if child.name == "ledger":
                    process.stop(drill.folder, child)
            time.sleep(0.5)
        else:
            return


def _answers(drill: Drill) -> bool:
    try:
        return drill.api.healthy()
    except UpkeepError:
        return False


def _kill_worker(drill: Drill) -> None:
    """Kill every worker process that runs a task, with the task; if none does, one that is idle."""
    child = next(one for one in process.recorded(drill.platform.folder) if one.name == "scheduler")
    scheduler = process.find(child.pid, child.started)
    workers = [one for one in scheduler.children() if _is_worker(one)] if scheduler else []
    if not workers:
        raise PartFailed("the scheduler has no worker process to kill")
    busy = [one for one in workers if one.children()]
    _kill(busy or workers[:1])


def _is_worker(one: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return " ".join(one.cmdline()).startswith("airflow worker")
    return False


def _kill(found: Sequence[psutil.Process | None]) -> None:
    """Kill processes with their descendants, the parents first so that nothing is replaced meanwhile."""
    doomed: list[psutil.Process] = []
    for one in found:
        if one is not None:
            with contextlib.suppress(psutil.Error):
                doomed += [one, *one.children(recursive=True)]
    for one in doomed:
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
