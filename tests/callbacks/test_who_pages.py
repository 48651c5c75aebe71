"""Which runs open incidents when they fail or are late: those of the present, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.airflow.shop import SHOP
from tests.servers.known_shop import known_shop

from upkeep.callbacks.deadline import record_miss
from upkeep.callbacks.failure import task_failed
from upkeep.catalog.schedules import next_due, previous_due
from upkeep.ledger import incident_reads, reads

DAILY = "0 9 * * *"
NOW = datetime.now(UTC)
DUE = previous_due(DAILY, "UTC", NOW)
YESTERDAY = previous_due(DAILY, "UTC", DUE)
ROUTINE = {
    "system": "shop",
    "routine": "daily",
    "schedule": DAILY,
    "timezone": "UTC",
    "procedures": ["error_rates"],
    "fields": [],
}


@pytest.fixture(autouse=True)
def shop(ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A shop in the catalog, and a ledger; Airflow's API is not there to be asked for a run."""
    with known_shop(SHOP, ledger, tmp_path, monkeypatch):
        yield ledger


RUNS = [
    ({}, True),
    ({"run_type": "backfill"}, False),
    ({"run_type": "manual"}, False),
    ({"run_type": "manual", "conf": {"page": True}}, True),
    ({"run_type": "manual", "conf": {"page": True, "as_of": YESTERDAY.isoformat()}}, False),
    # Cleared today, and begun anew.
    ({"due": YESTERDAY, "began": max(DUE, NOW - timedelta(minutes=1))}, False),
    # Not cleared: it has been going on since yesterday.
    ({"due": YESTERDAY, "began": YESTERDAY + timedelta(seconds=3)}, True),
]


@pytest.mark.parametrize(("changes", "pages"), RUNS)
def test_a_task_that_fails_pages_for_a_run_of_the_present(
    shop: Engine, changes: dict[str, Any], pages: bool
) -> None:
    due = changes.get("due", DUE)
    run = SimpleNamespace(
        dag_id="shop_daily",
        run_id="r1",
        run_type=SimpleNamespace(value=changes.get("run_type", "scheduled")),
        run_after=due,
        data_interval_end=due,
        start_date=changes.get("began", due),
        clear_number=0,
    )
    task = SimpleNamespace(routine=ROUTINE, owner="sre")
    ti = SimpleNamespace(task=task, task_id="error_rates")

    task_failed({"dag_run": run, "ti": ti, "params": changes.get("conf", {})})

    assert bool(incident_reads.open_count(shop, "shop")) is pages


@pytest.mark.parametrize(("changes", "pages"), RUNS)
def test_a_deadline_that_passes_pages_for_a_run_of_the_present(
    shop: Engine, changes: dict[str, Any], pages: bool
) -> None:
    due = changes.get("due", DUE)
    run = {
        "dag_id": "shop_daily",
        "dag_run_id": "r1",
        "state": "running",
        "run_type": changes.get("run_type", "scheduled"),
        "run_after": due.isoformat(),
        "queued_at": changes.get("began", due).isoformat(),
        "data_interval_end": due.isoformat(),
        "conf": changes.get("conf", {}),
    }
    deadline = {"deadline_time": due + timedelta(hours=1)}
    miss = record_miss(
        system="shop",
        routine="daily",
        owner="sre",
        deadline_seconds=3600,
        context={"dag_run": run, "deadline": deadline},
    )

    asyncio.run(miss)

    assert bool(incident_reads.open_count(shop, "shop")) is pages
    assert len(reads.deadline_misses(shop, "shop_daily")) == 1


def test_the_due_times_are_a_day_apart() -> None:
    assert next_due(DAILY, "UTC", YESTERDAY) == DUE
