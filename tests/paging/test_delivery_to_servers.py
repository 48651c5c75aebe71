"""Pages through the real channels while some of them fail: delivered by another way, or said so."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.paging.conftest import TOKENS, Connect, Outside, page
from tests.servers.bad import hanging, refusing

from upkeep.incidents.model import Channel
from upkeep.notifiers.connections import Connections
from upkeep.notifiers.senders import senders
from upkeep.paging.deliver import Delivery, Limits, deliver, deliver_all

pytestmark = pytest.mark.integration
LIMITS = Limits(attempt=1, attempts=3, waits=2, first_pause=0.05, page=6)


def sent(*channels: Channel, **changes: Any) -> Delivery:
    return deliver(page(*channels, **changes), senders("maintenance-api", timeout_seconds=1), LIMITS)


def test_slack_recovers_within_the_attempts(connected: Outside) -> None:
    connected.behave("slack", status=500, times=2)
    found = sent("slack", "email")
    assert (found.channel, found.attempts) == ("slack", 3)
    assert connected.mail() == []


def test_slack_says_when_and_is_asked_then(connected: Outside) -> None:
    connected.behave("slack", status=429, headers={"Retry-After": "1"}, times=1)
    began = time.monotonic()
    found = sent("slack", "email")
    assert (found.channel, found.attempts) == ("slack", 2)
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("behaviour", "attempts"),
    [
        ({"status": 500}, 3),
        ({"status": 429, "headers": {"Retry-After": "30"}}, 1),
        ({"status": 200, "body": {"ok": False, "error": "channel_not_found"}}, 1),
        ({"status": 200, "body": "<html>sign in</html>"}, 3),
        ({"drop": True}, 3),
        ({"delay_seconds": 5}, None),
    ],
)
def test_slack_fails_and_mail_takes_it(
    connected: Outside, behaviour: dict[str, Any], attempts: int | None
) -> None:
    connected.behave("slack", **behaviour)
    found = sent("slack", "email")
    assert found.channel == "email"
    assert attempts in (None, found.outcomes[0].attempts)
    assert found.outcomes[0].text
    assert len(connected.mail()) == 1


def test_pagerduty_refuses_the_event_and_slack_takes_it(connected: Outside) -> None:
    connected.behave("pagerduty", status=400, body={"status": "invalid event", "errors": ["routing key"]})
    found = sent("pagerduty", "slack")
    assert (found.channel, found.outcomes[0].attempts) == ("slack", 1)
    assert "HTTP 400" in found.error


def test_greylisting_passes(connected: Outside) -> None:
    connected.behave_mail(code=451, text="4.7.1 greylisted", times=1)
    found = sent("email")
    assert (found.channel, found.attempts) == ("email", 2)
    assert len(connected.mail()) == 1


def test_greylisting_that_lasts_is_a_dead_letter(connected: Outside) -> None:
    connected.behave_mail(code=451, text="4.7.1 come back in 300 s")
    found = sent("email")
    assert not found.delivered
    assert found.error == "email: the mail server says 451: 4.7.1 come back in 300 s"


def test_all_down_is_a_dead_letter_within_the_bound(connected: Outside, connect: Connect) -> None:
    connected.behave("pagerduty", status=400)
    with hanging() as deaf, refusing() as closed:
        slack = {"base_url": f"http://127.0.0.1:{deaf}/api"}
        connect("upkeep_slack", {"conn_type": "slack", "password": TOKENS["slack"], "extra": slack})
        connect("upkeep_smtp", {**connected.connections()["upkeep_smtp"], "port": closed})
        began = time.monotonic()
        found = sent("slack", "pagerduty", "email", "webhook", kind="reminder")
        assert found.channel == "webhook"
        connected.behave("webhook", status=503)
        found = sent("slack", "pagerduty", "email", "webhook")
        assert time.monotonic() - began < 2 * LIMITS.page
    assert not found.delivered
    assert [one.channel for one in found.outcomes] == ["slack", "pagerduty", "email", "webhook"]
    for said in ("no answer", "HTTP 400", "cannot reach the mail server", "HTTP 503"):
        assert said in found.error
    assert not any(token in str(found) for token in TOKENS.values())


def test_a_missing_connection_is_an_outcome(outside: Outside, connect: Connect) -> None:
    connect("upkeep_smtp", outside.connections()["upkeep_smtp"])
    found = sent("slack", "email")
    assert found.channel == "email"
    assert "no connection maintenance_api_slack or upkeep_slack" in found.error


def test_fifty_pages_at_once_to_a_slow_server(connected: Outside) -> None:
    connected.behave("slack", delay_seconds=0.5)
    connections = Connections()
    systems = {name: senders(name, connections) for name in ("quikapp", "zetra")}
    work = [
        (page("slack", system=name, dedup_key=f"{name}/{number}"), systems[name])
        for name in systems
        for number in range(25)
    ]
    began = time.monotonic()
    done = list(deliver_all(work))
    assert time.monotonic() - began < 5  # 25 s one after the other
    assert all(found.delivered for _, found in done)
    # At least once: on a busy machine one may have been tried again.
    assert len(connected.captured("slack")) >= 50
