"""The note to whoever started a run by hand: whom it reaches, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.paging.conftest import Connect, Outside
from tests.paging.test_messages import HOSTILE, SECRETS, mrkdwn, texts
from tests.servers.situation import make_system

from upkeep.incidents.model import Person
from upkeep.notifiers.senders import senders
from upkeep.paging.deliver import Delivery, deliver
from upkeep.paging.note import Note, note_of, person_of
from upkeep.paging.slack import slack_message

OWNERS = {
    "sre": {"title": "SRE", "email": "sre@shop.example", "slack_channel": "#sre"},
    "ops": {"title": "Operations", "slack_channel": "#ops"},
    "boss": {"title": "The boss"},
}
CHANNELS = {"slack_channel": "#shop", "email": "shop@shop.example"}
SYSTEM = make_system(owners=OWNERS, channels=CHANNELS)


@pytest.mark.parametrize(
    ("user", "person"),
    [
        ("sre", Person("sre", "SRE", "sre@shop.example", "#sre")),
        ("SRE@Shop.example", Person("sre", "SRE", "sre@shop.example", "#sre")),
        ("ops", Person("ops", "Operations", None, "#ops")),
        ("boss", Person("boss", "The boss", "shop@shop.example", "#shop")),
        ("ann@shop.example", Person("ann@shop.example", "ann@shop.example", "ann@shop.example", "#shop")),
        ("ann", Person("ann", "ann", "shop@shop.example", "#shop")),
    ],
)
def test_whom_it_reaches(user: str, person: Person) -> None:
    assert person_of(user, SYSTEM) == person


def note(starter: str = "ann", **changes: Any) -> Note:
    given: dict[str, Any] = {
        "system_id": "shop", "system": SYSTEM, "routine": "daily", "starter": starter, "paging": False,
        "failed": ["crowd"], "counts": {"ok": 14, "unknown": 1, "warning": 2, "critical": 1},
        "links": {"report": "https://airflow.example.com/upkeep/reports/shop_daily/by-hand"},
    }  # fmt: skip
    return note_of("shop_daily", "by-hand", changes.pop("attempt", 0), **given | changes)


def test_it_says_which_run_how_it_ended_what_was_found_and_where_to_look() -> None:
    for kind, text in texts(note()).items():
        for said in ("by-hand", "1 critical, 2 warning, 1 unknown, 14 ok", "crowd", "It pages nobody."):
            assert said in text or kind == "headers", (kind, said)
    assert "https://airflow.example.com/upkeep/reports/shop_daily/by-hand" in texts(note())["mail"]
    assert slack_message(note())["text"] == "ann, your run failed: Shop, daily"
    assert slack_message(note(failed=[]))["text"] == "ann, your run succeeded: Shop, daily"
    assert "Findings: none" in texts(note(counts={}))["mail"]
    assert "Findings: not known: no report could be written" in texts(note(counts=None))["mail"]
    assert "It pages as a scheduled run does." in texts(note(paging=True))["mail"]


def test_the_same_attempt_has_the_same_id_and_another_another() -> None:
    assert note().id == note().id
    assert note().id != note(attempt=1).id


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str) -> None:
    harmless(text)


@settings(max_examples=50)
@given(st.text(max_size=1000))
def test_any_text_is_only_text(text: str) -> None:
    harmless(text)


def harmless(text: str) -> None:
    hostile = note(starter=text, failed=[text], routine=text, links={"run": text})
    for shown in mrkdwn(slack_message(hostile)):
        assert len(shown) <= 3000
        assert "<" not in shown


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_leaves(secret: str) -> None:
    for kind, text in texts(note(starter="ann", failed=[secret], links={"run": secret})).items():
        assert "hunter2" not in text, kind


def told(starter: str) -> Delivery:
    return deliver(note(starter), senders("shop", timeout_seconds=1))


@pytest.mark.integration
def test_an_owner_and_an_address_get_mail(connected: Outside) -> None:
    assert [told("sre").target, told("ann@shop.example").target] == ["sre@shop.example", "ann@shop.example"]
    subjects = {mail["headers"]["Subject"] for mail in connected.mail()}
    assert subjects == {
        "sre, your run failed: Shop, daily", "ann@shop.example, your run failed: Shop, daily",
    }  # fmt: skip


@pytest.mark.integration
def test_without_mail_the_systems_channel_names_the_starter(connected: Outside, connect: Connect) -> None:
    connect("upkeep_smtp", {"conn_type": "smtp", "host": "localhost", "port": 1})

    assert told("ann").target == "#shop"
    (got,) = connected.captured("slack")
    assert got["body"]["text"] == "ann, your run failed: Shop, daily"
