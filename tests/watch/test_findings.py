"""Critical findings whose task was killed before it could open their incident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from tests.servers.situation import make_system

from upkeep.findings import Finding, State
from upkeep.ledger import writes
from upkeep.ledger.writes import RunRecord, TaskKey
from upkeep.watch.findings import criticals

DUE = datetime(2026, 3, 4, 9, tzinfo=UTC)
PLAN: Any = SimpleNamespace(
    dag_id="shop_daily",
    system="shop",
    owner="sre",
    schedule="0 9 * * *",
    timezone="UTC",
    tasks=[SimpleNamespace(task_id="errors", kind="metrics")],
)


@pytest.mark.parametrize(
    ("run_type", "hours_after", "found"),
    [
        ("scheduled", 0.1, 1),
        ("scheduled", 23.9, 1),
        ("scheduled", 24.1, 0),  # of a run that was cleared after the next one was due
        ("manual", 0.1, 0),
        ("backfill", 0.1, 0),
    ],
)
def test_what_a_run_of_the_present_found_is_a_signal(
    ledger: Engine, run_type: str, hours_after: float, found: int
) -> None:
    run = RunRecord("shop_daily", "r1", "shop", "daily", run_type, DUE, DUE - timedelta(1), False, [], DUE)
    writes.record_run(ledger, run)
    critical = Finding(check="error_ratio", state=State.CRITICAL, summary="many", source="x", observed_at=DUE)
    key = TaskKey("shop_daily", "r1", "errors", 1)
    writes.record_task(ledger, key, [critical], system="shop", procedure_id="shop/errors", left_out=None)
    recorded = DUE + timedelta(hours=hours_after)
    with ledger.begin() as connection:
        connection.execute(text("UPDATE findings SET recorded_at = :at"), {"at": recorded})

    signals = criticals(ledger, [PLAN], lambda _: make_system(), DUE, recorded)

    assert [one.source for one in signals] == ["finding"] * found
