"""A queue that stands still while the scheduler says that it is well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import NOON, after, raise_

from upkeep.incidents.model import Signal
from upkeep.ledger import incident_reads, watch
from upkeep.watch.queue import WAITING, too_old


class Airflow:
    """The task instances that wait."""

    def __init__(self, *tasks: dict[str, Any]) -> None:
        self.tasks = list(tasks)

    def waiting_tasks(self, pools: str, now: datetime) -> list[dict[str, Any]]:
        assert (pools, now.tzinfo) == ("upkeep_", NOON.tzinfo)
        return self.tasks


def task(task_id: str = "errors", try_number: int = 1) -> dict[str, Any]:
    names = {"dag_id": "shop_daily", "dag_run_id": "r1", "task_id": task_id}
    return {**names, "map_index": -1, "try_number": try_number}


def run(state: str = "queued", **changes: Any) -> dict[str, Any]:
    names = {"dag_id": "shop_daily", "dag_run_id": "r1", "run_type": "scheduled"}
    return {**names, "state": state, "run_after": NOON.isoformat(), **changes}


def look(
    ledger: Engine, minutes: float, airflow: Airflow, *going: dict[str, Any], own: str = "shop_daily"
) -> list[Signal]:
    api: Any = airflow
    found = too_old(api, ledger, going, {own}, after(minutes))
    for one in found:
        raise_(ledger, one, at=minutes)
    return found


@pytest.fixture
def ledger(ledger: Engine) -> Engine:
    """A ledger whose watchdog has been looking."""
    watch.went_well(ledger, WAITING, after(-1), {})
    return ledger


def minutes(ledger: Engine, until: int, airflow: Airflow, *going: dict[str, Any]) -> list[int]:
    """Look each minute, and return the minutes in which something waited too long."""
    return [minute for minute in range(until) if look(ledger, minute, airflow, *going)]


def test_a_task_that_no_worker_takes_is_one_incident_until_one_does(ledger: Engine) -> None:
    airflow = Airflow(task())
    assert minutes(ledger, 13, airflow) == [10, 11, 12]
    assert incident_reads.open_count(ledger, "upkeep") == 1

    airflow.tasks = []
    assert look(ledger, 13, airflow) == []
    assert incident_reads.open_count(ledger) == 0


def test_a_queue_that_moves_is_well_however_long_it_is(ledger: Engine) -> None:
    airflow = Airflow()
    for minute in range(30):
        airflow.tasks = [task(f"task{minute // 3 + place}") for place in range(3)]  # each waits nine minutes
        assert look(ledger, minute, airflow) == []
    for minute in range(30, 45):
        airflow.tasks = [task(try_number=minute // 5)]  # it ran, and waits to be tried again
        assert look(ledger, minute, airflow) == []


@pytest.mark.parametrize(
    ("going", "late"),
    [
        ([run()], True),
        ([run(dag_id="upkeep_escalation")], True),
        ([run(run_type="backfill")], False),
        ([run(), run("running", dag_run_id="r0")], False),  # one at a time
        ([run(dag_id="somebody_elses")], False),
    ],
)
def test_a_run_that_waits_for_no_other_counts(ledger: Engine, going: list[Any], late: bool) -> None:
    assert bool(minutes(ledger, 12, Airflow(), *going)) is late


def test_an_outage_of_the_watchdog_is_no_waiting(ledger: Engine) -> None:
    airflow = Airflow(task())
    look(ledger, 0, airflow)
    assert look(ledger, 30, airflow) == []
    assert look(ledger, 31, airflow) == []
    assert [bool(look(ledger, minute, airflow)) for minute in range(32, 42)] == [False] * 9 + [True]
