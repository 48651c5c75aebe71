"""Workers that are killed: those that come after them go on."""

import os
import signal

import psutil
from tests.airflow.waiting import ended, wait_for
from tests.servers.airflow import RunningAirflow

from sandbox import process

DAG = "shop_daily"


def idle_workers(shop: RunningAirflow) -> list[psutil.Process]:
    """Return the workers that run no task: one of them waits for the next, the others for that one."""
    scheduler = next(one for one in process.recorded(shop.platform.folder) if one.name == "scheduler")
    found = []
    for one in psutil.Process(scheduler.pid).children():
        if "airflow worker" in " ".join(one.cmdline()) and not one.children():
            found.append(one)
    return found


def test_workers_that_are_killed_while_they_wait_stop_nobody(shop: RunningAirflow) -> None:
    shop.api.trigger(DAG, "before-the-kill", {"procedures": ["gaps"]})
    assert ended(shop, DAG, "before-the-kill") == "success"
    wait_for(lambda: len(idle_workers(shop)) >= 2, "idle workers")

    for worker in idle_workers(shop):
        os.kill(worker.pid, signal.SIGKILL)

    shop.api.trigger(DAG, "after-the-kill", {"procedures": ["gaps"]})
    assert ended(shop, DAG, "after-the-kill") == "success"
