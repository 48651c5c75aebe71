"""Digests whose sending was cut off: the watchdog sends them, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from tests.airflow.shop import SHOP
from tests.paging.conftest import Outside, servers
from tests.servers.known_shop import known_shop

from upkeep.findings import Finding, State
from upkeep.ledger import digests, writes
from upkeep.operators.aftermath import send_digests_cut_off

__all__ = ["servers"]

DAG, NOW = "shop_daily", datetime.now(UTC)
MAIL_ALONE = SHOP.replace(', slack_channel: "#shop"', "").replace(
    'channels: {slack_channel: "#shop-all"}\n', ""
)
"""The shop, whose people have no Slack channel."""


@pytest.fixture(autouse=True)
def _known(
    ledger: Engine,
    servers: Outside,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    for name, one in servers.connections().items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(one))
    with known_shop(getattr(request, "param", SHOP), ledger, tmp_path, monkeypatch):
        yield


def reported(ledger: Engine, run_id: str, minutes_ago: float) -> None:
    """Record a run with a warning whose report was written some minutes ago, and whose task then died."""
    run = writes.RunRecord(
        dag_id=DAG, run_id=run_id, system="shop", routine="daily", run_type="scheduled", as_of=NOW,
        since=NOW - timedelta(days=1), dry_run=False, procedures=[], started_at=NOW - timedelta(hours=3),
    )  # fmt: skip
    writes.record_run(ledger, run)
    warned = Finding(
        check="disk", state=State.WARNING, summary="the disk fills", source="prometheus", observed_at=NOW
    )
    key = writes.TaskKey(DAG, run_id, "usage", 1, -1)
    writes.record_task(ledger, key, [warned], system="shop", procedure_id="shop/daily/usage")
    writes.record_report(ledger, DAG, run_id, "report", "<p>report</p>")
    digests.plan(ledger, DAG, run_id)
    with ledger.begin() as connection:
        connection.execute(
            text("UPDATE reports SET created_at = :at WHERE run_id = :run"),
            {"at": NOW - timedelta(minutes=minutes_ago), "run": run_id},
        )


def told(servers: Outside, run_id: str) -> list[Any]:
    return [one for one in servers.captured("slack") if run_id in str(one["body"]["blocks"])]


def test_one_that_was_cut_off_is_sent_once(ledger: Engine, servers: Outside) -> None:
    reported(ledger, "cut-off", 6)
    assert [send_digests_cut_off(NOW) for _ in range(2)] == [1, 0]
    assert len(told(servers, "cut-off")) == 1
    assert digests.is_sent(ledger, DAG, "cut-off")


def test_one_that_its_own_task_may_be_sending_is_left_to_it_and_old_news_is_none(
    ledger: Engine, servers: Outside
) -> None:
    reported(ledger, "in-hand", 4)
    reported(ledger, "old", 25 * 60)
    assert send_digests_cut_off(NOW) == 0
    assert told(servers, "in-hand") == told(servers, "old") == []


def test_one_that_no_channel_took_is_not_tried_for_ever(ledger: Engine, servers: Outside) -> None:
    reported(ledger, "refused", 6)
    servers.behave("slack", status=404)
    try:
        first = send_digests_cut_off(NOW)
    finally:
        servers.behave("slack")
    assert (first, send_digests_cut_off(NOW)) == (1, 0)
    assert len(told(servers, "refused")) == 1, "it was offered once"


def row(ledger: Engine, run_id: str) -> Any:
    with ledger.connect() as connection:
        return connection.execute(text("SELECT * FROM digests WHERE run_id = :run"), {"run": run_id}).one()


@pytest.mark.parametrize("_known", [MAIL_ALONE], indirect=True)
def test_a_channel_on_which_the_owner_has_no_address_is_no_error(ledger: Engine, servers: Outside) -> None:
    reported(ledger, "by-mail", 6)
    assert send_digests_cut_off(NOW) == 1
    assert told(servers, "by-mail") == []
    assert (row(ledger, "by-mail").channel, row(ledger, "by-mail").error) == ("email", None)


@pytest.mark.parametrize("_known", [MAIL_ALONE], indirect=True)
def test_where_nobody_was_told_every_reason_is_recorded(ledger: Engine, servers: Outside) -> None:
    reported(ledger, "untold", 6)
    servers.behave_mail(code=550)
    try:
        send_digests_cut_off(NOW)
    finally:
        servers.forget()
    found = row(ledger, "untold")
    assert (found.sent_at, found.channel) == (None, None)
    assert "SRE has no Slack channel" in found.error
    assert "550" in found.error


def test_an_error_of_a_channel_that_is_there_stays_though_another_has_taken_it(
    ledger: Engine, servers: Outside
) -> None:
    reported(ledger, "by-one", 6)
    servers.behave("slack", status=404)
    try:
        send_digests_cut_off(NOW)
    finally:
        servers.forget()
    found = row(ledger, "by-one")
    assert found.channel == "email"
    assert "slack: HTTP 404" in found.error
