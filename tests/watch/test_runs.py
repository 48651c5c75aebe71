"""What Airflow's own records say should be an incident: failed, late and missing runs, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from upkeep.incidents.signals import RunOf, failed_run, missed_deadline
from upkeep.watch.runs import GRACE, troubles

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PLAN: Any = SimpleNamespace(dag_id="shop_daily", system="shop", owner="sre", deadline_seconds=3600.0)


@dataclass
class Records:
    """Airflow's answers, in the shape of its REST API."""

    ended: list[dict[str, Any]] = field(default_factory=list)
    going: list[dict[str, Any]] = field(default_factory=list)
    known: list[dict[str, Any]] = field(default_factory=list)

    def runs(self, *, state: list[str], **_: Any) -> list[dict[str, Any]]:
        return self.ended if state == ["failed"] else self.going

    def dags(self) -> list[dict[str, Any]]:
        return self.known


def run(hours_ago: float, ended_hours_ago: float | None = None, **changes: Any) -> dict[str, Any]:
    ended = None if ended_hours_ago is None else (NOW - timedelta(hours=ended_hours_ago)).isoformat()
    return {
        "dag_id": "shop_daily",
        "dag_run_id": "scheduled__1",
        "run_type": "scheduled",
        "run_after": (NOW - timedelta(hours=hours_ago)).isoformat(),
        "end_date": ended,
        "conf": {},
        **changes,
    }


def dag(next_run_hours_ago: float | None, **changes: Any) -> dict[str, Any]:
    due = next_run_hours_ago
    return {
        "dag_id": "shop_daily",
        "is_paused": False,
        "is_stale": False,
        "next_dagrun_run_after": None if due is None else (NOW - timedelta(hours=due)).isoformat(),
        **changes,
    }


def found(records: Records) -> list[tuple[str, str]]:
    signals = troubles(records, [PLAN], NOW - timedelta(hours=1), NOW)  # type: ignore[arg-type]
    return [(signal.source, signal.summary) for signal in signals]


def test_a_failed_run_is_the_event_that_its_callback_named() -> None:
    [signal] = troubles(Records(ended=[run(0.5, 0.25)]), [PLAN], NOW, NOW)  # type: ignore[arg-type]

    by_callback = failed_run(RunOf("shop", "shop_daily", "scheduled__1", "scheduled", "sre"), NOW, NOW, ["a"])
    assert by_callback is not None
    assert (signal.event_id, signal.incident_id) == (by_callback.event_id, by_callback.incident_id)


def test_a_run_that_is_late_is_the_event_that_the_deadline_named() -> None:
    [signal] = troubles(Records(going=[run(1.5)]), [PLAN], NOW, NOW)  # type: ignore[arg-type]

    by_callback = missed_deadline(
        RunOf("shop", "shop_daily", "scheduled__1", "scheduled", "sre"), NOW, timedelta(hours=1), NOW
    )
    assert by_callback is not None
    assert signal.event_id == by_callback.event_id
    assert signal.began_at == NOW - timedelta(minutes=30)


@pytest.mark.parametrize(
    ("given", "sources"),
    [
        (Records(going=[run(0.5)]), []),
        (Records(ended=[run(3, 0.5)]), ["failure", "deadline"]),
        (Records(ended=[run(0.5, 0.1, run_type="backfill")]), []),
        (Records(ended=[run(0.5, 0.1, run_type="manual")]), []),
        (Records(ended=[run(0.5, 0.1, run_type="manual", conf={"page": True})]), ["failure"]),
        (Records(ended=[run(0.5, 0.1, dag_id="somebody_elses")]), []),
        (Records(known=[dag(None)]), []),
        (Records(known=[dag(GRACE / timedelta(hours=1) / 2)]), []),
        (Records(known=[dag(-20)]), []),
        (Records(known=[dag(1)]), ["missing_run"]),
    ],
)
def test_who_is_in_trouble(given: Records, sources: list[str]) -> None:
    assert [source for source, _ in found(given)] == sources


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_paused": True}, "the DAG is paused"),
        ({"is_stale": True}, "the DAG is stale"),
        ({}, "the scheduler has made no run"),
    ],
)
def test_a_missing_run_says_why(changes: dict[str, Any], reason: str) -> None:
    [(_, said)] = found(Records(known=[dag(1, **changes)]))
    assert reason in said
