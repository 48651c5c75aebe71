"""What messages say, and that nothing in them does harm."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.paging.conftest import PAGE, page

from upkeep.incidents.model import Page, Person
from upkeep.paging.digest import MAX_LINES, Digest, Warned
from upkeep.paging.mail import mail_message
from upkeep.paging.pagerduty import pagerduty_event
from upkeep.paging.sender import Message
from upkeep.paging.slack import slack_message
from upkeep.paging.webhook import webhook_body

HOSTILE = [
    "<!channel> <@U123> <https://evil.example|click here>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "subject\r\nBcc: everyone@company.com\r\n\r\nbody",
    "*bold* `code` ~gone~ & &lt; {{ 7 * 7 }} {% raw %}",
    "\u202etxt.exe \x00 \x1b[31m \ud800",
    "x" * 50_000,
    "]]>--><!--#exec cmd='id'-->",
]
SECRETS = [
    "password=hunter2hunter2",
    "postgres://ann:hunter2hunter2@db.internal/app",
    "Authorization: Bearer hunter2hunter2",
    "xoxb-123456789012-hunter2hunter2",
]


def texts(message: Message) -> dict[str, str]:
    """Return everything that any channel is sent."""
    mail = mail_message(message, "upkeep@company.com")
    found = {"slack": json.dumps(slack_message(message)), "mail": mail_text(mail, "plain")}
    found |= {"html": mail_text(mail, "html"), "headers": str(mail.items())}
    if isinstance(message, Page):
        found["pagerduty"] = json.dumps(pagerduty_event(message).properties)
        found["webhook"] = webhook_body(message).decode()
    return found


def mail_text(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


@pytest.mark.parametrize(
    "said",
    [
        "Maintenance API", "P1", "errors above 5 %", "7 % of the requests",
        "2026-01-02 23:04 UTC (2026-01-03 00:04 Europe/Berlin)", "7 %", "> 5 % for 5 min",
        "https://airflow.company.com/upkeep/incidents/1234", "https://runbooks.company.com/errors",
        "https://grafana.company.com/d/1", "Acknowledge, resolve, hand over",
    ],
)  # fmt: skip
def test_a_page_says_what_somebody_needs_at_night(said: str) -> None:
    found = texts(page())
    escaped = {"slack": said.replace(">", "&gt;"), "html": said.replace(">", "&gt;").replace("'", "&#39;")}
    for kind in ("slack", "mail", "html", "pagerduty"):
        assert escaped.get(kind, said) in found[kind], kind


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("page", "[P1] "),
        ("reminder", "Reminder: [P1] "),
        ("acknowledged", "Acknowledged: [P1] "),
        ("resolved", "Resolved: [P1] "),
    ],
)
def test_the_kind_is_the_first_word(kind: Any, start: str) -> None:
    assert slack_message(page(kind=kind))["text"].startswith(start)
    assert mail_message(page(kind=kind), "a@b.example")["Subject"].startswith(start)


@pytest.mark.parametrize(
    ("severity", "word"),
    [("P0", "critical"), ("P1", "error"), ("P2", "warning"), ("P3", "info"), ("?", "error")],
)
def test_pagerduty_has_four_severities(severity: str, word: str) -> None:
    assert pagerduty_event(page(severity=severity)).properties["payload"]["severity"] == word


def hostile(text: str) -> Page:
    person = Person(name="team", title=text, email="team@company.com", slack_channel="#alerts")
    facts = {"value": text, "limit": text, "owner": text, text: text, "nested": {"a": [text]}}
    links = {"incident": "https://airflow.company.com/1", "dashboard": text}
    return page(
        title=text, summary=text, system_title=text, person=person, facts=facts, links=links
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str) -> None:
    harmless(hostile(text))


@settings(max_examples=50)
@given(st.text(max_size=3000))
def test_any_text_is_only_text(text: str) -> None:
    harmless(hostile(text))


def harmless(message: Page) -> None:
    slack = slack_message(message)
    for text in mrkdwn(slack):
        assert len(text) <= 3000
        # Angle brackets are the incident's link, and nothing else.
        assert re.sub(r"<https://airflow\.company\.com/1\|Incident>", "", text).count("<") == 0
    assert len(slack["blocks"]) <= 50
    assert all(len(block.get("fields", [])) <= 10 for block in slack["blocks"])
    mail = mail_message(message, "upkeep@company.com")
    assert mail["Bcc"] is None
    assert len(mail["Subject"]) <= 200
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e]", mail["Subject"])
    bytes(mail)
    tags = Tags()
    tags.feed(mail_text(mail, "html"))
    assert tags.seen <= EXPECTED_TAGS
    assert tags.links == ["https://airflow.company.com/1"]
    payload = pagerduty_event(message).properties["payload"]
    assert len(payload["summary"]) <= 1024
    assert len(json.dumps(pagerduty_event(message).properties)) < 512_000
    assert json.loads(webhook_body(message))["kind"] == "page"


EXPECTED_TAGS = {"html", "head", "meta", "title", "body", "h1", "p", "table", "tr", "th", "td", "a"}


class Tags(HTMLParser):
    """The tags and links of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert not any(name.startswith("on") for name, _ in attrs)


def mrkdwn(slack: dict[str, Any]) -> list[str]:
    found = [slack["text"]]
    for block in slack["blocks"]:
        for one in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if one:
                assert one["type"] == "mrkdwn"
                assert one["verbatim"] is True
                found.append(one["text"])
    return found


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_leaves(secret: str) -> None:
    links = {"incident": f"https://airflow.company.com/1?token={secret}", "dashboard": secret}
    facts = {"owner": secret, "api_key": "hunter2hunter2", "nested": {"db_password": "hunter2hunter2"}}
    leaky = page(title=secret, summary=f"failed: {secret}", facts=facts, links=links)
    for kind, text in texts(leaky).items():
        assert "hunter2" not in text, kind
        assert "***" in text.replace("\\u2217", "*")


def test_a_secret_is_masked_before_it_is_cut() -> None:
    long = "x" * 180 + " password=hunter2hunter2hunter2"
    assert "hunter" not in str(texts(page(title=long, summary=long)))


def test_an_unknown_time_zone_is_left_out() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "", None, 7):
        assert "2026-01-02 23:04 UTC" in texts(page(facts={"timezone": zone}))["mail"]
    assert "Mars" not in texts(page(facts={"timezone": "Mars/Olympus"}))["mail"]


def test_a_value_that_is_no_number_or_none_is_shown_as_it_is() -> None:
    assert "Value: standby" in texts(page(facts={"value": "standby", "unit": None}))["mail"]
    assert "Value: no data" in texts(page(facts={"value": float("nan"), "unit": "ratio"}))["mail"]
    assert "Value" not in texts(page(facts={}))["mail"]


def test_a_runbook_that_is_a_path_is_shown_and_not_linked() -> None:
    found = texts(page(facts={"runbook": "docs/runbooks/errors.md"}))
    assert "Runbook: docs/runbooks/errors.md" in found["mail"]
    assert 'href="docs' not in found["html"]


def digest(count: int = 2, **changes: Any) -> Digest:
    warnings = tuple(
        Warned(
            check=f"disk{{node={number}}}", summary=f"disk <{number}> fills up", value="8 %",
            limit="< 10 %", runbook="https://runbooks.company.com/disk",
        )
        for number in range(count)
    )  # fmt: skip
    given = {
        "id": uuid5(NAMESPACE_DNS, "digest"), "person": PAGE.person, "channels": ("slack",),
        "system": "zetra", "system_title": "Zetra", "routine_title": "Daily checks",
        "at": datetime(2026, 1, 2, tzinfo=UTC), "warnings": warnings,
        "links": {"report": "https://airflow.company.com/report"},
    }  # fmt: skip
    return Digest(**(given | changes))


def test_a_digest_lists_one_routines_warnings() -> None:
    found = texts(digest())
    assert slack_message(digest())["text"] == "2 warnings: Zetra, Daily checks"
    assert slack_message(digest(1))["text"] == "1 warning: Zetra, Daily checks"
    assert "disk <1> fills up: 8 % (limit < 10 %)" in found["mail"]
    assert "disk &lt;1&gt; fills up: 8 % (limit &lt; 10 %)" in found["slack"]
    assert "disk &lt;1&gt; fills up: <b>8 %</b>" in found["html"]
    for kind in ("slack", "mail", "html"):
        assert "https://airflow.company.com/report" in found[kind]


def test_a_long_digest_stays_within_what_slack_takes() -> None:
    long = digest(300, warnings=tuple(Warned(check="c", summary="<" * 5000) for _ in range(300)))
    slack = slack_message(long)
    assert len(slack["blocks"]) <= 50
    assert max(map(len, mrkdwn(slack))) <= 3000
    assert f"{300 - MAX_LINES} more are in the report" in json.dumps(slack)
