"""What is written once, twice, late, at once, or not at all."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from upkeep.errors import UpkeepError
from upkeep.findings import Finding, State
from upkeep.ledger import reads, writes
from upkeep.ledger.tables import FindingRow
from upkeep.ledger.writes import RunRecord, TaskKey

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)
KEY = TaskKey("shop_daily", "run 1", "error_rates", attempt=1)


def found(check: str = "error_ratio", state: State = State.OK, value: float | None = 0.001) -> Finding:
    return Finding(
        check=check, state=state, summary=f"{check} is {state}", source="prometheus: x", observed_at=AT,
        value=value, unit="ratio", reason="no data" if state is State.UNKNOWN else None,
    )  # fmt: skip


def open_run(ledger: Engine, run_id: str = "run 1") -> None:
    writes.record_run(
        ledger,
        RunRecord("shop_daily", run_id, "shop", "daily", "manual", AT, AT - timedelta(1), True, [], AT),
    )


def record(ledger: Engine, key: TaskKey, *findings: Finding, left_out: str | None = None) -> None:
    writes.record_task(
        ledger, key, findings, system="shop", procedure_id="shop/daily/error-rates", left_out=left_out
    )


def in_force(ledger: Engine) -> list[tuple[str, str, int]]:
    return [(r.check_id, r.state, r.attempt) for r in reads.findings(ledger, "shop_daily", "run 1")]


def everything(ledger: Engine) -> list[FindingRow]:
    with Session(ledger) as session:
        return list(session.scalars(select(FindingRow).order_by(FindingRow.id)))


@pytest.fixture(autouse=True)
def _run(ledger: Engine) -> None:
    open_run(ledger)


def test_a_second_attempt_supersedes_the_first_and_keeps_it(ledger: Engine) -> None:
    record(ledger, KEY, found("a"), found("b", State.UNKNOWN, None))
    record(ledger, replace(KEY, attempt=2), found("a", State.CRITICAL))

    assert in_force(ledger) == [("a", "critical", 2)]
    superseded = [(r.check_id, r.attempt) for r in everything(ledger) if r.superseded_at]
    assert superseded == [("a", 1), ("b", 1)]


def test_the_same_attempt_written_again_replaces_itself(ledger: Engine) -> None:
    record(ledger, KEY, found("a"))
    record(ledger, KEY, found("a", State.WARNING))

    assert [(r.state, r.superseded_at) for r in everything(ledger)] == [("warning", None)]


def test_an_earlier_attempt_that_arrives_late_does_not_win(ledger: Engine) -> None:
    record(ledger, replace(KEY, attempt=2), found("a"))
    record(ledger, KEY, found("a", State.CRITICAL))

    assert in_force(ledger) == [("a", "ok", 2)]
    assert len(everything(ledger)) == 2


def test_an_earlier_attempt_that_arrives_late_does_not_withdraw_a_skip(ledger: Engine) -> None:
    record(ledger, replace(KEY, attempt=2), left_out="reads the present")
    record(ledger, KEY, found("a"))

    assert in_force(ledger) == []
    assert [s.reason for s in reads.skips(ledger, "shop_daily", "run 1")] == ["reads the present"]


def test_tasks_and_runs_do_not_touch_each_other(ledger: Engine) -> None:
    open_run(ledger, "run 2")
    record(ledger, KEY, found("a"))
    record(ledger, replace(KEY, task_id="other", attempt=5), found("a"))
    record(ledger, replace(KEY, run_id="run 2", attempt=3), found("a"))

    assert in_force(ledger) == [("a", "ok", 1), ("a", "ok", 5)]


def test_many_attempts_at_once_leave_the_newest_in_force(ledger: Engine) -> None:
    keys = [replace(KEY, attempt=attempt) for attempt in range(1, 13)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda key: record(ledger, key, found("a"), found("b")), keys))

    assert in_force(ledger) == [("a", "ok", 12), ("b", "ok", 12)]
    assert len(everything(ledger)) == 24


def test_writers_in_a_new_month_make_its_partition_once(ledger: Engine) -> None:
    def write(number: int) -> None:
        record(ledger, replace(KEY, task_id=f"task_{number}"), found(f"metric_{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))

    history = reads.histories(ledger, "shop", [f"metric_{n}" for n in range(8)], AT, AT)
    assert len(history) == 8


def test_a_write_that_fails_leaves_what_was(ledger: Engine) -> None:
    record(ledger, KEY, found("a"))

    with pytest.raises(Exception, match="duplicate key"):
        record(ledger, replace(KEY, attempt=2), found("twice"), found("twice"))

    assert in_force(ledger) == [("a", "ok", 1)]


def test_what_is_no_number_is_no_measurement(ledger: Engine) -> None:
    record(ledger, KEY, found("a", value=math.nan), found("b", value=math.inf), found("c", value=2.5))

    assert [(r.check_id, r.value) for r in everything(ledger)] == [("a", None), ("b", None), ("c", 2.5)]
    assert reads.histories(ledger, "shop", ["a", "b", "c"], AT, AT) == {"c": [(AT, 2.5)]}


def test_a_measurement_repeated_is_one_measurement(ledger: Engine) -> None:
    record(ledger, KEY, found("a", value=1.0))
    record(ledger, replace(KEY, attempt=2), found("a", value=2.0))

    assert [m.value for m in reads.measurements(ledger, "shop", "a", AT, AT)] == [2.0]


def test_evidence_that_postgres_cannot_hold_is_made_fit(ledger: Engine) -> None:
    strange = replace(
        found("a"),
        evidence={"nul": "a\x00b", "nan": math.nan, "half": "\ud800", "when": AT, "deep": [{"x": 1}]},
    )
    huge = replace(found("b"), evidence={"lines": ["x" * 1000] * 100})

    record(ledger, KEY, strange, huge)

    kept = {row.check_id: row.evidence for row in everything(ledger)}
    assert kept["a"] == {"nul": "ab", "nan": "nan", "half": "?", "when": str(AT), "deep": [{"x": 1}]}
    assert kept["b"]["truncated_from_bytes"] > 100_000
    assert len(kept["b"]["excerpt"]) == 4000


def test_a_skip_is_recorded_and_withdrawn_by_an_attempt_that_did_it(ledger: Engine) -> None:
    record(ledger, KEY, left_out="reads the present")
    assert [s.reason for s in reads.skips(ledger, "shop_daily", "run 1")] == ["reads the present"]

    record(ledger, replace(KEY, attempt=2), found("a"))
    assert reads.skips(ledger, "shop_daily", "run 1") == []


def test_a_missed_deadline_is_recorded_once(ledger: Engine) -> None:
    for _ in range(2):
        writes.record_deadline_miss(
            ledger, dag_id="shop_daily", run_id="run 1", system="shop", routine="daily", owner="sre",
            deadline_at=AT, allowed_seconds=900,
        )  # fmt: skip

    assert [(m.run_id, m.deadline_at) for m in reads.deadline_misses(ledger, "shop_daily")] == [("run 1", AT)]


def test_a_report_supersedes_the_one_before(ledger: Engine) -> None:
    writes.record_report(ledger, "shop_daily", "run 1", "# one", "<p>one")
    writes.record_report(ledger, "shop_daily", "run 1", "# two", "<p>two")

    newest = reads.report(ledger, "shop_daily", "run 1")
    assert newest is not None
    assert newest.markdown == "# two"
    assert reads.report(ledger, "shop_daily", "never") is None


def test_a_run_that_is_cleared_is_recorded_anew(ledger: Engine) -> None:
    open_run(ledger)

    with ledger.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runs")) == 1


def test_a_dead_connection_in_mid_write_is_temporary_and_leaves_nothing(ledger: Engine) -> None:
    """The server ends the session while the write waits for its lock."""
    holder = ledger.connect()
    writes._lock(holder, KEY)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(record, ledger, KEY, found("a"))
        kill = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        killed, end = False, time.monotonic() + 30
        while not killed and time.monotonic() < end:
            # A new transaction each time: within one, the view does not change.
            with ledger.connect() as other:
                killed = bool(other.execute(kill).all())
        with pytest.raises(UpkeepError, match="the ledger does not answer"):
            waiting.result(timeout=30)
    holder.close()

    assert everything(ledger) == []
