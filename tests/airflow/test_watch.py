"""What the watchdog asks a real Airflow."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.airflow.waiting import ended, wait_for
from tests.servers.airflow import RunningAirflow

from upkeep.clients import airflow_api
from upkeep.runs.wakeups import ESCALATION, run_id, wake

WATCHDOG, POOL = "upkeep_watchdog", "upkeep_shop"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def shop(running: RunningAirflow) -> RunningAirflow:
    wait_for(lambda: {"shop_daily", "shop_loud", "shop_slow"} <= known(running, "daily"), "the DAGs")
    wait_for(lambda: POOL in running.api.pools(), "the pool", seconds=120)
    return running


def known(running: RunningAirflow, cadence: str) -> set[str]:
    return set(running.api.dag_ids(f"cadence:{cadence}"))


@pytest.fixture
def full_pool(shop: RunningAirflow) -> Iterator[RunningAirflow]:
    slots(shop, 0)
    yield shop
    slots(shop, 16)


def slots(running: RunningAirflow, count: int) -> None:
    body = {"pool": POOL, "slots": count, "include_deferred": False}
    running.api._ask("PATCH", f"/api/v2/pools/{POOL}", json=body)


def test_whether_a_dag_has_run_on_schedule(shop: RunningAirflow) -> None:
    wait_for(lambda: shop.api.ran_on_schedule(WATCHDOG, datetime.now(UTC)), "a watchdog", seconds=120)
    path = f"/api/v2/dags/{WATCHDOG}/dagRuns"
    first = shop.api._ask("GET", path, params={"order_by": "run_after", "limit": 1}).json()["dag_runs"][0]
    assert not shop.api.ran_on_schedule(WATCHDOG, datetime.fromisoformat(first["run_after"]))
    assert not shop.api.ran_on_schedule(ESCALATION, datetime.now(UTC))


def test_those_that_are_due_are_found_page_by_page(
    shop: RunningAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow_api, "PAGE", 1)
    far, past = datetime.now(UTC) + timedelta(days=3), datetime.now(UTC) - timedelta(days=30)
    names = {dag["dag_id"] for dag in shop.api.next_dags("cadence:daily", far)}
    assert names >= {"shop_daily", "shop_loud", "shop_slow"}
    assert shop.api.next_dags("cadence:daily", past) == []


def test_the_dags_of_a_system_are_all_of_its(shop: RunningAirflow) -> None:
    assert {dag["dag_id"] for dag in shop.api.dags("system:upkeep")} >= {WATCHDOG, ESCALATION}
    assert {dag["dag_id"] for dag in shop.api.dags("system:shop")} == {"shop_daily", "shop_loud", "shop_slow"}
    assert shop.api.dags("system:nobody") == []


def test_a_task_that_waits_for_a_slot_is_found_and_a_wake_up_of_later_is_not(
    full_pool: RunningAirflow,
) -> None:
    api, now = full_pool.api, datetime.now(UTC)
    api.trigger("shop_daily", "waits")
    wake(api, now + HOUR, now)

    def waiting() -> list[str]:
        rows = api.waiting_tasks("upkeep_", datetime.now(UTC))
        return [row["task_id"] for row in rows if row["dag_run_id"] == "waits"]

    wait_for(lambda: waiting() == ["open_run"], "the task that waits")
    [row] = [row for row in api.waiting_tasks("upkeep_", datetime.now(UTC)) if row["dag_run_id"] == "waits"]
    assert {"dag_id", "task_id", "map_index", "try_number"} <= set(row)
    assert api.waiting_tasks("upkeep_", now - HOUR) == []
    assert api.waiting_tasks("upkeep_kiosk", datetime.now(UTC)) == []
    due = [run["dag_run_id"] for run in api.runs(state=["queued"], run_after_lte=datetime.now(UTC))]
    all_queued = [run["dag_run_id"] for run in api.runs(state=["queued"])]
    assert run_id(now + HOUR) in set(all_queued) - set(due)

    slots(full_pool, 16)
    assert ended(full_pool, "shop_daily", "waits") == "success"
