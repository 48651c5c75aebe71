"""Whoever starts a run by hand is told how it ended; nobody is told of the scheduler's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from tests.airflow.waiting import ended, wait_for, wait_for_system
from tests.paging.conftest import Outside
from tests.servers.airflow import RunningAirflow


@pytest.fixture(scope="module")
def shop(running: RunningAirflow) -> RunningAirflow:
    wait_for_system(running, "shop", "loud", "daily")
    return running


def notes(servers: Outside, run_id: str) -> list[dict[str, Any]]:
    """Return what Slack was sent about a run."""
    return [one["body"] for one in servers.captured("slack") if run_id in str(one["body"]["blocks"])]


def told(servers: Outside, run_id: str) -> list[dict[str, Any]]:
    """Return what Slack was sent about a run, once it was: a run ends before its messages."""
    wait_for(lambda: bool(notes(servers, run_id)), f"the note about {run_id}")
    return notes(servers, run_id)


def test_the_starter_is_told_by_name_how_the_run_ended(shop: RunningAirflow, servers: Outside) -> None:
    shop.api.trigger("shop_loud", "hand-failed")
    shop.api.trigger("shop_daily", "hand-well", {"procedures": ["error_rates"]})
    assert ended(shop, "shop_loud", "hand-failed") == "failed"
    assert ended(shop, "shop_daily", "hand-well") == "success"

    [failed], [well] = told(servers, "hand-failed"), told(servers, "hand-well")
    assert (failed["channel"], failed["text"]) == (
        "#shop-all",
        "admin, your run failed: Shop, A routine that finds something critical",
    )
    assert "1 critical" in str(failed["blocks"])
    assert f"{shop.platform.url}/upkeep/reports/shop_loud/hand-failed" in str(failed["blocks"])
    assert well["text"] == "admin, your run succeeded: Shop, Daily review"
    assert "2 ok" in str(well["blocks"])


def test_a_run_that_was_refused_is_told_too(shop: RunningAirflow, servers: Outside) -> None:
    shop.api.trigger("shop_daily", "hand-refused", {"procdures": ["error_rates"]})
    assert ended(shop, "shop_daily", "hand-refused") == "failed"

    [note] = notes(servers, "hand-refused")
    assert note["text"] == "admin, your run failed: Shop, Daily review"
    assert "open_run" in str(note["blocks"])


def test_a_run_without_a_report_is_told_once(shop: RunningAirflow, servers: Outside) -> None:
    """Its ledger is away until every try is spent."""
    shop.api.trigger("shop_daily", "hand-lost", {"procedures": ["error_rates"]})
    with ledger_away(shop):
        assert ended(shop, "shop_daily", "hand-lost") == "failed"

    [note] = notes(servers, "hand-lost")
    assert note["text"] == "admin, your run failed: Shop, Daily review"
    assert "not known: no report could be written" in str(note["blocks"])


def test_a_channel_that_refuses_fails_no_run(shop: RunningAirflow, servers: Outside) -> None:
    servers.behave("slack", status=500)
    try:
        shop.api.trigger("shop_daily", "hand-untold", {"procedures": ["error_rates"]})
        assert ended(shop, "shop_daily", "hand-untold") == "success"
    finally:
        servers.behave("slack")
    assert shop.api.task_states("shop_daily", "hand-untold")["report"] == "success"


def test_a_backfill_tells_nobody(shop: RunningAirflow, servers: Outside) -> None:
    shop.command(
        "airflow", "backfill", "create", "--dag-id", "shop_loud", "--from-date", "2026-01-05T00:00:00+00:00",
        "--to-date", "2026-01-05T23:59:00+00:00",
    )  # fmt: skip
    wait_for(lambda: bool(backfilled(shop)), "the backfill's run")
    [run_id] = backfilled(shop)
    ended(shop, "shop_loud", run_id)

    assert notes(servers, run_id) == []


@contextmanager
def ledger_away(shop: RunningAirflow) -> Iterator[None]:
    """Let nobody into the ledger's database."""
    url = shop.ledger.url
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    sessions = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
        connection.execute(sessions, {"name": url.database})
        try:
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))


def backfilled(shop: RunningAirflow) -> list[str]:
    runs = shop.api.runs(state=["queued", "running", "success", "failed"])
    return [r["dag_run_id"] for r in runs if r["dag_id"] == "shop_loud" and r["run_type"] == "backfill"]
