"""A wake-up from the ledger to the servers outside: what is due is sent, whatever fails in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import Engine, create_engine, text
from tests.paging.conftest import Outside
from tests.servers.incidents import NOON, after, by, chain, raise_, signal
from tests.servers.ledger import empty_database, ledger, postgres_server

from upkeep.catalog.models import System
from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.incidents.model import Person
from upkeep.ledger import answers, incident_reads, outbox
from upkeep.notifiers.senders import senders
from upkeep.paging.raising import page_directly, raise_signal
from upkeep.paging.serving import Around, Served, serve

SYSTEMS = Path(__file__).parents[2] / "include" / "systems"

__all__ = ["empty_database", "ledger", "postgres_server"]


class Clock:
    """A clock that stands until it is put on."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


def no_system(name: str) -> Any:
    raise ConfigurationError(f"the catalog has no system {name}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def around(connected: Outside, clock: Clock) -> Around:
    """The real channels, and a catalog that has lost the system: the incident says whom to page."""
    return Around(
        no_system, lambda system: senders(system, timeout_seconds=2), clock, "https://airflow.test/"
    )


@pytest.fixture
def known(around: Around) -> Around:
    """The real channels, and the system of the catalog; what is critical goes to PagerDuty and to Slack."""
    system = System.model_validate(YAML(typ="safe").load(SYSTEMS / "maintenance-api.yaml"))
    return replace(around, system=lambda _: system)


CRITICAL = signal(system="maintenance-api", fold_key="maintenance-api/x", issue_type="performance")


def level(channel: str) -> Any:
    person = Person("sre", "SRE", email="sre@shop.test", slack_channel="#shop")
    return chain("sre", channels=(channel,), fallback=person)


def test_a_due_step_is_paged_with_a_link_and_is_not_paged_again(
    ledger: Engine, around: Around, connected: Outside
) -> None:
    opened = raise_(ledger, chain=level("slack"))

    assert serve(ledger, around) == Served(steps=1, delivered=1)
    assert serve(ledger, around) == Served()
    [sent] = connected.captured("slack")
    assert f"https://airflow.test/upkeep/incidents/{opened.incident_id}" in str(sent)
    [page] = incident_reads.pages(ledger, opened.incident_id)
    assert (page.state, page.channel, page.target) == ("sent", "slack", "#shop")


def test_what_no_channel_takes_goes_to_the_next_level_at_once_and_is_said(
    ledger: Engine, around: Around, connected: Outside
) -> None:
    connected.behave("slack", status=404)
    person = Person("sre", "SRE", email="sre@shop.test", slack_channel="#shop")
    levels = chain("l1", "l2", fallback=person)
    first, second = levels.levels
    of = replace(levels, levels=(replace(first, channels=("slack",)), replace(second, channels=("email",))))
    opened = raise_(ledger, chain=of)

    assert serve(ledger, around) == Served(steps=2, delivered=1, dead=1)
    assert [one["to"] for one in connected.mail()] == [["sre@shop.test"]]
    kinds = [line.kind for line in incident_reads.history(ledger, opened.incident_id)]
    assert kinds == ["opened", "page_failed", "dead_letter", "paged"]


def test_a_page_that_a_killed_worker_claimed_is_sent_again_under_its_id(
    ledger: Engine, around: Around, connected: Outside, clock: Clock
) -> None:
    opened = raise_(ledger, chain=level("webhook"))
    first = serve(ledger, around)
    [page] = incident_reads.pages(ledger, opened.incident_id)
    with ledger.begin() as connection:  # as it was when the worker was killed after sending
        lease = {"until": NOON + timedelta(seconds=60)}
        connection.execute(
            text("UPDATE pages SET state = 'pending', sent_at = NULL, claimed_until = :until"), lease
        )

    assert serve(ledger, around) == Served()
    clock.now = NOON + timedelta(seconds=61)
    assert serve(ledger, around).delivered == first.delivered == 1
    assert {one["body"]["page_id"] for one in connected.captured("webhook")} == {str(page.id)}


def test_an_acknowledgement_stops_the_chain_and_tells_the_paged(
    ledger: Engine, around: Around, connected: Outside, clock: Clock
) -> None:
    opened = raise_(ledger, chain=level("slack"))
    serve(ledger, around)
    answers.acknowledge(ledger, opened.incident_id, by("ops", 1))

    assert serve(ledger, around) == Served(delivered=1)
    assert "Acknowledged" in str(connected.captured("slack")[-1])
    clock.now = NOON + timedelta(hours=3)
    assert serve(ledger, around).delivered == 0


def test_without_a_ledger_the_first_level_is_paged_under_the_keys_that_its_incident_will_have(
    ledger: Engine, known: Around, connected: Outside
) -> None:
    facts = {"runbook": "https://runbooks.test/errors", "dashboard": "https://grafana.test/d/1"}
    given = replace(CRITICAL, facts=facts)

    assert page_directly(given, known).delivered
    raise_signal(ledger, given, known.system, NOON)
    assert serve(ledger, known) == Served(steps=1, delivered=1)
    assert len(connected.captured("slack")) == 1  # what is critical goes to PagerDuty and to Slack
    direct, kept = connected.captured("pagerduty")
    assert direct["body"]["dedup_key"] == kept["body"]["dedup_key"]
    assert direct["body"]["dedup_key"].startswith(str(given.incident_id))
    assert direct["body"]["links"] == kept["body"]["links"]
    assert len(direct["body"]["links"]) == 3


def test_each_page_and_reminder_in_pagerduty_has_a_key_that_ends_with_the_incident(
    ledger: Engine, around: Around, connected: Outside, clock: Clock
) -> None:
    opened = raise_(ledger, chain=chain("l1", "l2", channels=("pagerduty",)))
    for minutes in (0, 15, 240, 480):  # two levels, and two reminders: it is not resolved within its target
        clock.now = after(minutes)
        serve(ledger, around)
    answers.acknowledge(ledger, opened.incident_id, by("ops", 481))
    clock.now = after(482)
    serve(ledger, around)
    answers.resolve(ledger, opened.incident_id, by("ops", 483))
    clock.now = after(484)
    serve(ledger, around)

    keys: dict[str, list[str]] = {}
    for one in connected.captured("pagerduty"):
        keys.setdefault(one["body"]["event_action"], []).append(one["body"]["dedup_key"])
    place = [key.removeprefix(f"{opened.incident_id}/") for key in keys["trigger"]]
    assert place == ["0.0.0", "0.0.1", "0.0.1-r1", "0.0.1-r2"]
    assert sorted(keys["acknowledge"]) == sorted(keys["resolve"]) == sorted(keys["trigger"])


def test_somebody_who_was_reminded_in_slack_is_told_of_the_answer_once(
    ledger: Engine, around: Around, connected: Outside, clock: Clock
) -> None:
    opened = raise_(ledger, chain=level("slack"))
    for minutes in (0, 240):
        clock.now = after(minutes)
        serve(ledger, around)
    answers.acknowledge(ledger, opened.incident_id, by("ops", 241))
    assert serve(ledger, around) == Served(delivered=1)


@pytest.mark.parametrize(("failures", "kind"), [(5, "copied"), (1000, "copy_failed")])
def test_a_copy_that_fails_is_tried_again_once_all_else_is_done(
    ledger: Engine, known: Around, connected: Outside, failures: int, kind: str
) -> None:
    connected.behave("slack", status=500, times=failures)
    opened = raise_signal(ledger, CRITICAL, known.system, NOON)

    assert serve(ledger, known) == Served(steps=1, delivered=1)
    lines = incident_reads.history(ledger, opened.incident_id)
    assert [line.kind for line in lines if line.channel == "slack"] == [kind]
    assert len(connected.captured("slack")) == 6


def test_a_batch_asks_for_each_system_and_its_senders_once(
    ledger: Engine, known: Around, connected: Outside
) -> None:
    asked: list[str] = []

    def counted(kind: str, answer: Callable[[str], Any]) -> Callable[[str], Any]:
        def ask(name: str) -> Any:
            asked.append(f"{kind} {name}")
            return answer(name)

        return cache(ask)

    counting = replace(
        known, system=counted("system", known.system), senders=counted("senders", known.senders)
    )
    for number in range(3):
        given = replace(CRITICAL, event_id=f"e{number}", fold_key=f"maintenance-api/{number}")
        raise_signal(ledger, given, known.system, NOON)
    assert serve(ledger, counting).delivered == 3
    assert sorted(asked) == ["senders maintenance-api", "system maintenance-api"]


def test_a_ledger_that_is_down_is_a_temporary_error(around: Around) -> None:
    gone = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(TemporaryError):
        serve(gone, around)
    with pytest.raises(TemporaryError):
        outbox.claim_pages(gone, NOON)
