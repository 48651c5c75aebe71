"""The report of a run that the ledger knows, written into the ledger."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from upkeep.catalog.compiled import Catalog
from upkeep.findings import Finding, State
from upkeep.ledger import reads, writes
from upkeep.ledger.writes import RunRecord, TaskKey
from upkeep.reports.routine import write_report

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)
SYSTEM = Catalog().system("quikapp")
ROUTINE = SYSTEM.routines[0]


def record(ledger: Engine, day: datetime, share: float, state: State, attempt: int = 1) -> str:
    run_id = f"scheduled__{day.isoformat()}"
    since = day - timedelta(days=1)
    run = RunRecord("quikapp_daily", run_id, "quikapp", ROUTINE.name, "scheduled", day, since, False, [], day)
    writes.record_run(ledger, run)
    finding = Finding(
        check="error_ratio", state=state, summary=f"the share is {state}", source="prometheus: x",
        observed_at=day, value=share, unit="ratio", limit="> 1 %", limit_value=0.01,
    )  # fmt: skip
    use = ROUTINE.procedures[0]
    key = TaskKey("quikapp_daily", run_id, use.task_id, attempt)
    writes.record_task(ledger, key, [finding], system="quikapp", procedure_id=use.id)
    return run_id


def write(ledger: Engine, run_id: str) -> dict[str, int]:
    run = reads.run(ledger, "quikapp_daily", run_id)
    assert run is not None
    return Counter(finding.state for finding in write_report(ledger, run, SYSTEM))


def test_a_report_shows_the_run_its_history_and_what_left_no_result(ledger: Engine) -> None:
    for days in range(10, 0, -1):
        record(ledger, AT - timedelta(days=days), 0.001 * days, State.OK)
    run_id = record(ledger, AT, 0.02, State.CRITICAL)

    assert write(ledger, run_id) == {"critical": 1}

    kept = reads.report(ledger, "quikapp_daily", run_id)
    assert kept is not None
    assert "11 values" in kept.html
    assert f"{len(ROUTINE.procedures) - 1} procedures without a result" in kept.markdown


def test_the_report_of_a_past_run_knows_nothing_of_what_came_after(ledger: Engine) -> None:
    past = record(ledger, AT - timedelta(days=5), 0.001, State.OK)
    record(ledger, AT, 0.5, State.CRITICAL)

    write(ledger, past)

    kept = reads.report(ledger, "quikapp_daily", past)
    assert kept is not None
    assert "50 %" not in kept.html


def test_a_report_written_again_shows_the_newest_attempt_and_is_one(ledger: Engine) -> None:
    run_id = record(ledger, AT, 0.02, State.CRITICAL)
    write(ledger, run_id)
    record(ledger, AT, 0.001, State.OK, attempt=2)

    assert write(ledger, run_id) == {"ok": 1}
    kept = reads.report(ledger, "quikapp_daily", run_id)
    assert kept is not None
    assert "the share is critical" not in kept.html
