"""Findings that quote a far side's garbage, and tasks that measure the same at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from upkeep.findings import Finding, State
from upkeep.ledger import reads, writes
from upkeep.ledger.evidence import LARGEST_BYTES, fit, storable
from upkeep.ledger.writes import RunRecord, TaskKey

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)
KEY = TaskKey("shop_daily", "run 1", "error_rates", attempt=1)

garbage = st.text(st.characters(categories=("L", "Cc", "Cs", "So")), min_size=1, max_size=20)


def found(check: str, reason: str | None = None) -> Finding:
    unknown = reason is not None
    return Finding(
        check=check,
        state=State.UNKNOWN if unknown else State.OK,
        summary=f"{check}: {reason}",
        source="prometheus: up",
        observed_at=AT,
        value=None if unknown else 1.0,
        reason=reason,
    )


def record(ledger: Engine, key: TaskKey, *findings: Finding) -> None:
    writes.record_task(ledger, key, findings, system="shop", procedure_id="shop/daily/error-rates")


@pytest.fixture(autouse=True)
def _run(request: pytest.FixtureRequest) -> None:
    if "ledger" in request.fixturenames:
        ledger: Engine = request.getfixturevalue("ledger")
        since = AT - timedelta(days=1)
        run = RunRecord("shop_daily", "run 1", "shop", "daily", "manual", AT, since, True, [], AT)
        writes.record_run(ledger, run)


@pytest.mark.parametrize("reason", ["answered a\x00b", "answered \ud800", "\x00"])
def test_garbage_in_one_finding_does_not_lose_the_others(ledger: Engine, reason: str) -> None:
    record(ledger, KEY, found("silent", reason), found("fine"))

    kept = {row.check_id: row.reason for row in reads.findings(ledger, "shop_daily", "run 1")}
    assert set(kept) == {"silent", "fine"}
    assert kept["silent"]


@given(text=garbage)
def test_a_text_that_is_fit_can_be_encoded_and_says_something(text: str) -> None:
    fitting = fit(found("silent", text))

    assert fitting.reason
    assert "\x00" not in fitting.summary
    assert fitting.summary.encode()


@given(key=st.text(), text=st.text(min_size=1), times=st.integers(0, 100_000))
def test_evidence_of_any_size_is_bounded(key: str, text: str, times: int) -> None:
    kept = storable({key: text * times})

    assert len(str(kept).encode("utf-8", "replace")) <= 4 * LARGEST_BYTES


def test_tasks_that_measure_the_same_in_another_order_do_not_wait_in_a_circle(ledger: Engine) -> None:
    findings = [found(f"metric_{number}") for number in range(300)]

    def write(task: int) -> None:
        ordered = findings if task % 2 else findings[::-1]
        for attempt in range(1, 6):
            record(ledger, replace(KEY, task_id=f"task_{task}", attempt=attempt), *ordered)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert len(reads.findings(ledger, "shop_daily", "run 1")) == 1200
    assert len(reads.histories(ledger, "shop", [f.check for f in findings], AT, AT)) == 300
