"""The gate before a change: freezes, and incidents that opened since the run began."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import chain, signal

from upkeep.acts.gates import pre_flight
from upkeep.acts.plans import Plan
from upkeep.errors import PermanentError
from upkeep.ledger.incidents import open_or_fold

pytestmark = pytest.mark.integration

PLAN = Plan("Replace it", "the shop", ["replace it"], destructive=True)
FREEZE = {"title": "Sale", "first_day": "2026-11-20", "last_day": "2026-11-21"}
FROZEN = {"timezone": "Europe/Berlin", "calendar": {"freezes": [FREEZE]}}


def at(*moment: int) -> datetime:
    return datetime(2026, 11, *moment, tzinfo=UTC)


def opened(ledger: Engine, when: datetime, **facts: str) -> None:
    open_or_fold(ledger, replace(signal(), facts=facts), chain(), now=when)


@pytest.mark.parametrize("now", [at(19, 23), at(20, 12), at(21, 22, 59)])
def test_a_freeze_holds_on_its_days_where_the_system_is(act, now: datetime) -> None:
    with pytest.raises(PermanentError, match=r"Sale freezes Shop until 2026-11-21.*'despite_freeze'"):
        pre_flight(act(parts=FROZEN, now=now), PLAN)


@pytest.mark.parametrize("now", [at(19, 22, 59), at(21, 23)])
def test_before_and_after_it_is_free(act, now: datetime) -> None:
    pre_flight(act(parts=FROZEN, now=now), PLAN)


def test_what_replaces_nothing_is_not_held(act, ledger: Engine) -> None:
    opened(ledger, act().now)
    pre_flight(act(parts=FROZEN), replace(PLAN, destructive=False))


def test_a_newer_incident_of_the_system_holds(act, ledger: Engine) -> None:
    opened(ledger, act().now)
    with pytest.raises(PermanentError, match=r"nothing was touched: incident .* opened after this run began"):
        pre_flight(act(), PLAN)


def test_both_reasons_are_said(act, ledger: Engine) -> None:
    opened(ledger, act().now)
    with pytest.raises(PermanentError, match=r"Sale freezes .*; incident"):
        pre_flight(act(parts=FROZEN), PLAN)


def test_an_older_incident_is_why_one_restores(act, ledger: Engine) -> None:
    opened(ledger, act().began_at - timedelta(minutes=1))
    pre_flight(act(), PLAN)


def test_an_incident_of_another_system_does_not_count(act, ledger: Engine) -> None:
    opened(ledger, act().now)
    pre_flight(act(system_id="tapio"), PLAN)


def test_the_runs_own_incident_does_not_count(act, ledger: Engine) -> None:
    opened(ledger, act().now, dag_id="shop_file", run_id="manual__1")
    pre_flight(act(), PLAN)


def test_another_dags_run_of_the_same_moment_is_not_this_run(act, ledger: Engine) -> None:
    """Scheduled runs of one moment have the same id."""
    opened(ledger, act().now, dag_id="shop_daily", run_id="manual__1")
    with pytest.raises(PermanentError, match="opened after this run began"):
        pre_flight(act(), PLAN)


def test_a_person_can_overrule_both(act, ledger: Engine) -> None:
    opened(ledger, act().now)
    pre_flight(act(parts=FROZEN, form={"despite_freeze": True}), PLAN)
