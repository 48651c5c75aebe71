"""Waiting for Airflow."""

import time
from collections.abc import Callable

from tests.servers.airflow import RunningAirflow


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.3)


def wait_for_system(running: RunningAirflow, system: str, *routines: str) -> None:
    """Wait until Airflow knows DAGs of a system, and the watchdog has made its pool."""
    for routine in routines:
        dag_id = f"{system}_{routine}"
        wait_for(lambda dag_id=dag_id: running.api.knows(dag_id), dag_id)
    wait_for(lambda: f"upkeep_{system}" in running.api.pools(), f"the pool of {system}", seconds=120)


def ended(running: RunningAirflow, dag_id: str, run_id: str) -> str:
    """Return how the run ended."""
    states = ("success", "failed")
    wait_for(lambda: running.api.run_state(dag_id, run_id) in states, f"the end of {dag_id} {run_id}")
    return running.api.run_state(dag_id, run_id)
