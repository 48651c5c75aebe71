"""Routines whose run did not begin, and those that Airflow does not know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import after, raise_

from upkeep.incidents.model import Signal
from upkeep.ledger import incident_reads
from upkeep.ledger.incident_reads import Which
from upkeep.watch.dags import GRACE, missing, overdue

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def plan(dag_id: str = "shop_daily", **changes: Any) -> Any:
    values = {"system": "shop", "owner": "sre", "cadence": "daily", "schedule": "0 9 * * *"}
    return SimpleNamespace(dag_id=dag_id, **values | changes)


def dag(next_run_hours_ago: float | None, dag_id: str = "shop_daily", **changes: Any) -> dict[str, Any]:
    due = None if next_run_hours_ago is None else NOW - timedelta(hours=next_run_hours_ago)
    return {
        "dag_id": dag_id,
        "is_paused": False,
        "next_dagrun_run_after": due and due.isoformat(),
        **changes,
    }


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (dag(None), []),
        (dag(GRACE / timedelta(hours=1) / 2), []),
        (dag(-20), []),
        (dag(1, "somebody_elses"), []),
        (dag(1), ["the scheduler has made no run"]),
        (dag(1, is_paused=True), ["the DAG is paused"]),
    ],
)
def test_a_run_that_should_have_begun_says_why_it_has_not(given: dict[str, Any], found: list[str]) -> None:
    signals = list(overdue([given], {"shop_daily": plan()}, NOW))
    assert [signal.summary.rpartition(": ")[2].rstrip(".") for signal in signals] == found


class Airflow:
    """The DAGs that Airflow knows, and the tags by which it was asked for them."""

    def __init__(self, *known: dict[str, Any]) -> None:
        self.known = list(known)
        self.tags: list[str] = []

    def dags(self, tag: str) -> list[dict[str, Any]]:
        self.tags.append(tag)
        return self.known if tag == "system:shop" else []

    def next_dags(self, tag: str, before: datetime) -> list[dict[str, Any]]:
        self.tags.append(tag)
        assert before.tzinfo is UTC
        return [dag for dag in self.known if dag["dag_id"].endswith(tag.removeprefix("cadence:"))]


def look(
    ledger: Engine, airflow: Airflow, minutes: float, *plans: Any, systems: tuple[str, ...] = ("shop",)
) -> list[Signal]:
    api: Any = airflow
    found = missing(api, ledger, plans or [plan()], systems, after(minutes))
    for one in found:
        raise_(ledger, one, at=minutes)
    return found


def test_a_dag_that_airflow_never_knew_is_an_incident_after_a_while_and_resolved_once_it_does(
    ledger: Engine,
) -> None:
    airflow = Airflow()
    assert look(ledger, airflow, 0) == []
    assert look(ledger, airflow, 5, systems=("kiosk",)) == []
    [unknown] = look(ledger, airflow, 10)
    [again] = look(ledger, airflow, 20)
    assert unknown.event_id == again.event_id
    assert (unknown.system, unknown.began_at) == ("shop", after(0))

    airflow.known = [dag(-20)]
    assert look(ledger, airflow, 25, systems=("kiosk",)) == []
    assert incident_reads.open_count(ledger, "shop") == 1
    assert look(ledger, airflow, 30) == []
    [row] = incident_reads.incidents(ledger, Which(state="any"))
    assert row.resolved_at == after(30)


def test_one_that_is_known_in_time_is_nothing(ledger: Engine) -> None:
    look(ledger, Airflow(), 0)
    assert look(ledger, Airflow(dag(-20)), 10) == []
    assert look(ledger, Airflow(), 20) == []


def test_one_that_runs_by_hand_alone_is_missed_too(ledger: Engine) -> None:
    by_hand = plan("shop_drill", cadence="adhoc", schedule="")
    look(ledger, Airflow(), 0, by_hand)
    [unknown] = look(ledger, Airflow(), 10, by_hand)
    assert "shop_drill" in unknown.title


def test_what_is_due_is_asked_for_each_minute_and_the_rest_by_systems(ledger: Engine) -> None:
    airflow = Airflow(dag(-20), dag(1, "shop_weekly"))
    plans = [plan(), plan("shop_weekly", cadence="weekly"), plan("shop_drill", cadence="adhoc", schedule="")]
    [late] = look(ledger, airflow, 0, *plans, systems=("kiosk",))
    assert late.source == "missing_run"
    assert airflow.tags == ["cadence:daily", "cadence:weekly", "system:kiosk"]
