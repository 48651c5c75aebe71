"""What Airflow's own records say should be an incident: failed and late runs of the present."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from upkeep.incidents.signals import RunOf, failed_run, missed_deadline
from upkeep.watch.runs import pages, troubles

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PLAN: Any = SimpleNamespace(
    dag_id="shop_daily",
    system="shop",
    owner="sre",
    deadline_seconds=3600.0,
    schedule="0 9 * * *",
    timezone="UTC",
    tasks=[SimpleNamespace(task_id="errors")],
)


@dataclass
class Records:
    """Airflow's answers, in the shape of its REST API. earlier: a scheduled run that was due before."""

    ended: list[dict[str, Any]] = field(default_factory=list)
    going: list[dict[str, Any]] = field(default_factory=list)
    earlier: bool = True

    def runs(self, *, state: list[str], **_: Any) -> list[dict[str, Any]]:
        assert state == ["failed"]
        return self.ended

    def ran_on_schedule(self, dag_id: str, before: datetime) -> bool:
        assert (dag_id, before.tzinfo) == ("shop_daily", UTC)
        return self.earlier


def run(hours_ago: float, ended_hours_ago: float | None = None, **changes: Any) -> dict[str, Any]:
    due = ago(hours_ago)
    return {
        "dag_id": "shop_daily",
        "dag_run_id": "scheduled__1",
        "run_type": "scheduled",
        "run_after": due,
        "queued_at": due,
        "data_interval_end": due,
        "end_date": None if ended_hours_ago is None else ago(ended_hours_ago),
        "conf": {},
        **changes,
    }


def ago(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()


def signals(records: Records) -> list[Any]:
    api: Any = records
    return troubles(api, [PLAN], records.going, NOW - timedelta(hours=1), NOW)


def test_a_failed_run_is_the_event_that_its_callback_named() -> None:
    [signal] = signals(Records(ended=[run(0.5, 0.25)]))

    by_callback = failed_run(RunOf("shop", "shop_daily", "scheduled__1", "scheduled", "sre"), NOW, NOW, ["a"])
    assert by_callback is not None
    assert (signal.event_id, signal.incident_id) == (by_callback.event_id, by_callback.incident_id)


def test_a_run_that_is_late_is_the_event_that_the_deadline_named() -> None:
    [signal] = signals(Records(going=[run(1.5)]))

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
        (Records(ended=[run(0.5, 0.1, run_type="manual", conf={"page": "loudly"})]), []),
        (Records(ended=[run(0.5, 0.1, dag_id="somebody_elses")]), []),
    ],
)
def test_who_is_in_trouble(given: Records, sources: list[str]) -> None:
    assert [signal.source for signal in signals(given)] == sources


def test_the_first_scheduled_run_is_late_from_when_it_was_made() -> None:
    """On the first deployment the latest interval runs at once, hours after it was due."""
    made = {"queued_at": ago(0.5)}
    assert signals(Records(going=[run(3, **made)], earlier=False)) == []
    assert [one.source for one in signals(Records(going=[run(3, **made)], earlier=True))] == ["deadline"]

    [late] = signals(Records(going=[run(3, queued_at=ago(1.25))], earlier=False))
    assert late.began_at == NOW - timedelta(minutes=15)


def test_a_routine_without_a_schedule_is_never_late() -> None:
    api: Any = Records()
    by_hand: Any = SimpleNamespace(**vars(PLAN) | {"schedule": ""})
    given = run(3, run_type="manual", conf={"page": True})
    assert troubles(api, [by_hand], [given], NOW, NOW) == []
    assert pages(given, by_hand)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"queued_at": ago(3 - 23.9)}, True),
        ({"queued_at": ago(3 - 24.1)}, False),  # cleared after the next one was due
        ({"run_type": "manual", "conf": {"page": True}}, True),
        ({"run_type": "manual", "conf": {"page": True, "as_of": ago(48)}}, False),
        ({"run_type": "manual", "conf": {"page": True, "as_of": ago(3)}}, True),
    ],
)
def test_a_run_that_speaks_of_the_past_pages_nobody(changes: dict[str, Any], expected: bool) -> None:
    given = run(3, 0.5, **changes)  # due at nine, as the schedule says
    assert pages(given, PLAN) is expected
    assert bool(signals(Records(ended=[given]))) is expected
