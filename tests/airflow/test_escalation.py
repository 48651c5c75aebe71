"""From a finding, a failure or a missed deadline to a page, an answer and silence, by a real scheduler."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from tests.airflow.waiting import ended, wait_for
from tests.paging.conftest import Outside
from tests.servers.airflow import RunningAirflow

from upkeep.ledger import answers, incident_reads
from upkeep.ledger.incident_reads import Which
from upkeep.ledger.incident_tables import Incident
from upkeep.runs.wakeups import ESCALATION, POOL


@pytest.fixture(scope="module")
def shop(running: RunningAirflow) -> RunningAirflow:
    wait_for(lambda: running.api.knows("shop_loud") and running.api.knows(ESCALATION), "the DAGs")
    wait_for(lambda: {"upkeep_shop", POOL} <= running.api.pools(), "the pools", seconds=120)
    return running


def open_incidents(shop: RunningAirflow, dag_id: str) -> Sequence[Incident]:
    found = incident_reads.incidents(shop.ledger, Which(state="open"))
    return [row for row in found if row.fold_key == f"shop/{dag_id}"]


def told(servers: Outside, incident: Incident) -> list[str]:
    """Return what Slack and the mailbox were sent about an incident."""
    sent = [str(one) for one in [*servers.captured("slack"), *servers.mail()]]
    return [text for text in sent if str(incident.id) in text]


def test_a_critical_finding_pages_level_by_level_until_somebody_answers(
    shop: RunningAirflow, servers: Outside
) -> None:
    shop.api.trigger("shop_loud", "loud", {"page": True})
    assert ended(shop, "shop_loud", "loud") == "failed"

    wait_for(lambda: len(open_incidents(shop, "shop_loud")) == 1, "the incident")
    [incident] = open_incidents(shop, "shop_loud")
    wait_for(lambda: len(told(servers, incident)) == 2, "a page to the first level, then one to the second")
    slack, mail = told(servers, incident)
    assert "#shop" in slack
    assert "lead@example.com" in mail
    # The finding and the task that it failed are one incident.
    assert incident_reads.signals(shop.ledger, incident.id)[0].source == "finding"
    wait_for(lambda: len(incident_reads.signals(shop.ledger, incident.id)) == 2, "the failure")

    answers.resolve(shop.ledger, incident.id, answers.Answer("tester", datetime.now(UTC)))
    shop.api.trigger(ESCALATION, "after-the-answer")
    wait_for(lambda: len(told(servers, incident)) == 4, "both are told that it is over")


def test_a_missed_deadline_is_an_incident_and_is_paged(shop: RunningAirflow, servers: Outside) -> None:
    shop.api.trigger("shop_slow", "late-and-paging", {"page": True})

    wait_for(lambda: len(open_incidents(shop, "shop_slow")) == 1, "the incident")
    [incident] = open_incidents(shop, "shop_slow")
    assert incident.issue_type == "maintenance_late"
    wait_for(lambda: len(told(servers, incident)) >= 1, "the page")


def test_a_run_by_hand_that_was_not_asked_to_pages_nobody(shop: RunningAirflow) -> None:
    shop.api.trigger("shop_loud", "quiet")

    assert ended(shop, "shop_loud", "quiet") == "failed"
    assert open_incidents(shop, "shop_loud") == []


def test_a_form_raises_an_incident_under_the_users_name_and_another_answers_it(
    shop: RunningAirflow, servers: Outside
) -> None:
    form = {
        "system": "shop", "issue_type": "service_down", "severity": "P1", "title": "Nobody can buy",
        "summary": "",
    }  # fmt: skip
    shop.api.trigger("upkeep_raise_incident", "raised", form)
    assert ended(shop, "upkeep_raise_incident", "raised") == "success"
    found = incident_reads.incidents(shop.ledger, Which(state="open"))
    [incident] = [row for row in found if row.title == "Nobody can buy"]
    assert incident.facts["raised_by"] == "admin"
    wait_for(lambda: len(told(servers, incident)) >= 1, "the page")

    answer = {
        "incident": str(incident.id),
        "answer": "acknowledge",
        "level": 1,
        "minutes": 60,
        "text": "mine",
    }
    shop.api.trigger("upkeep_answer_incident", "answered", answer)
    assert ended(shop, "upkeep_answer_incident", "answered") == "success"
    row = incident_reads.incident(shop.ledger, incident.id)
    assert row is not None
    assert row.acknowledged_by == "admin"


def test_the_watchdog_finds_again_what_was_lost(shop: RunningAirflow) -> None:
    shop.api.trigger("shop_loud", "lost", {"page": True})
    assert ended(shop, "shop_loud", "lost") == "failed"
    wait_for(lambda: len(open_incidents(shop, "shop_loud")) == 1, "the incident")
    [lost] = open_incidents(shop, "shop_loud")
    with shop.ledger.begin() as connection:
        for table, column in (
            ("incident_history", "incident_id"),
            ("pages", "incident_id"),
            ("signals", "incident_id"),
            ("incidents", "id"),
        ):
            connection.execute(text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": lost.id})

    wait_for(lambda: len(open_incidents(shop, "shop_loud")) == 1, "the incident, found again", seconds=150)
    [found] = open_incidents(shop, "shop_loud")
    assert found.source == "failure"
    answers.resolve(shop.ledger, found.id, answers.Answer("tester", datetime.now(UTC)))
