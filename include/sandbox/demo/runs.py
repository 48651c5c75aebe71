"""Triggers the daily routines of every system and waits until they have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from upkeep.clients.airflow_api import AirflowApi
from upkeep.errors import TemporaryError

POLL_SECONDS = 0.5
ENDED = ("success", "failed")


@dataclass(frozen=True)
class Run:
    """One run of one routine."""

    dag_id: str
    run_id: str
    state: str

    @property
    def system(self) -> str:
        """The system's id: what stands before the first underscore."""
        return self.dag_id.split("_", 1)[0]


def wait_for_dags(api: AirflowApi, expected: Iterable[str], timeout_seconds: float) -> None:
    """Return when Airflow knows every expected DAG. Raises TemporaryError naming those it does not know."""
    end = time.monotonic() + timeout_seconds
    while missing := sorted(set(expected) - set(api.dag_ids("cadence:daily"))):
        if time.monotonic() > end:
            errors = "; ".join(str(e["stack_trace"])[-300:] for e in api.import_errors())
            raise TemporaryError(f"Airflow does not know {', '.join(missing)} {errors}")
        time.sleep(POLL_SECONDS)


def run_all(
    api: AirflowApi, dag_ids: Iterable[str], timeout_seconds: float, ended: Callable[[Run], None]
) -> list[Run]:
    """Trigger every DAG once, tell `ended` of each that ends, and return all.

    A run that has not ended in time is returned in the state it is in.
    """
    run_id = f"demo_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    waiting = sorted(dag_ids)
    for dag_id in waiting:
        api.trigger(dag_id, run_id)
    done: list[Run] = []
    end = time.monotonic() + timeout_seconds
    while waiting and time.monotonic() < end:
        for dag_id in list(waiting):
            run = Run(dag_id, run_id, api.run_state(dag_id, run_id))
            if run.state in ENDED:
                waiting.remove(dag_id)
                done.append(run)
                ended(run)
        time.sleep(POLL_SECONDS if waiting else 0)
    return done + [Run(dag_id, run_id, api.run_state(dag_id, run_id)) for dag_id in waiting]
