"""Answering an incident: who may, from where, and what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID, uuid4

import httpx
import pytest
from tests.board.web import HOST, NOW, Web

from upkeep.board import waking
from upkeep.board.form_tokens import LIFETIME, is_valid, make_token
from upkeep.ledger import answers
from upkeep.ledger.answers import Answer
from upkeep.operators import escalation

FIELDS: Mapping[str, dict[str, str]] = {
    "acknowledge": {"text": "I look at it"},
    "resolve": {"text": "a disk was full"},
    "hand-over": {"level": "2", "text": "needs the lead"},
    "snooze": {"minutes": "60"},
    "comment": {"text": "no idea yet"},
    "reopen": {"text": "it is back"},
}
KINDS = {
    "acknowledge": "acknowledged",
    "resolve": "resolved",
    "hand-over": "handed_over",
    "snooze": "snoozed",
    "comment": "commented",
    "reopen": "reopened",
}
every_answer = pytest.mark.parametrize("name", FIELDS)


def answerable(web: Web, name: str) -> UUID:
    """An incident to which the answer makes sense."""
    incident = web.open()
    if name == "reopen":
        answers.resolve(web.ledger, incident, Answer("admin", NOW))
    return incident


def given(web: Web, incident: UUID, name: str) -> list[tuple[str | None, str | None]]:
    return [(line.who, line.channel) for line in web.history(incident) if line.kind == KINDS[name]]


@every_answer
def test_a_form_gives_the_answer_under_the_users_name_and_leads_back(web: Web, name: str) -> None:
    incident = answerable(web, name)

    got = web.post_form(incident, name, FIELDS[name])

    assert got.status_code == 303
    page = f"{HOST}/upkeep/incidents/{incident}"
    assert str(httpx.URL(f"{page}/{name}").join(got.headers["location"])) == page
    assert given(web, incident, name) == [("oncall", "ui")]


@every_answer
def test_json_gives_the_answer_and_returns_the_incident(web: Web, name: str) -> None:
    incident = answerable(web, name)

    got = web.post_json(f"api/incidents/{incident}/{name}", FIELDS[name])

    assert got.status_code == 200
    assert got.json()["history"][-1]["kind"] == KINDS[name]
    assert given(web, incident, name) == [("oncall", "api")]


@every_answer
def test_the_same_answer_twice_is_one(web: Web, name: str) -> None:
    incident = answerable(web, name)
    token = web.form_token(incident)

    for _ in range(2):
        got = web.post_form(incident, name, {**FIELDS[name], "token": token})
        assert got.status_code == 303
    if name != "snooze":  # by the whole minute, which may have ended in between
        assert web.post_json(f"incidents/{incident}/{name}", FIELDS[name]).status_code == 200

    assert len(given(web, incident, name)) == 1 or name == "snooze"


@every_answer
def test_nobody_is_401(web: Web, name: str) -> None:
    incident = answerable(web, name)

    assert web.post_form(incident, name, FIELDS[name], user=None).status_code == 401
    for path in (f"incidents/{incident}/{name}", f"api/incidents/{incident}/{name}"):
        assert web.post_json(path, FIELDS[name], user=None).status_code == 401
        forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}
        assert web.post_json(path, FIELDS[name], user=None, headers=forged).status_code in (401, 403)
    assert given(web, incident, name) == []


@every_answer
def test_a_viewer_is_403(web: Web, name: str) -> None:
    incident = answerable(web, name)
    token = make_token("viewer", incident, datetime.now(UTC))

    form = web.post_form(incident, name, {**FIELDS[name], "token": token}, user="viewer")
    by_rest = web.post_json(f"api/incidents/{incident}/{name}", FIELDS[name], user="viewer")

    assert (form.status_code, by_rest.status_code) == (403, 403)
    assert "edit the runs of the DAG shop_daily" in by_rest.json()["detail"]
    assert given(web, incident, name) == []


@every_answer
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Referer": "https://evil.example.com/upkeep/incidents"},
        {"Origin": HOST, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HOST, "Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_a_form_from_another_site_is_refused(web: Web, name: str, headers: Mapping[str, str]) -> None:
    incident = answerable(web, name)

    got = web.post_form(incident, name, FIELDS[name], headers=headers)

    assert got.status_code == 403
    assert given(web, incident, name) == []


@every_answer
def test_a_form_without_its_own_token_is_refused(web: Web, name: str) -> None:
    incident, other = answerable(web, name), web.open(2)
    now = datetime.now(UTC)
    old = make_token("oncall", incident, now - LIFETIME - timedelta(seconds=1))
    good = web.form_token(incident)
    forged = ["", "x", "1.x", good[:-1] + "0", web.form_token(other), make_token("admin", incident, now), old]
    forged = [token for token in forged if token != good]

    for token in forged:
        got = web.post_form(incident, name, {**FIELDS[name], "token": token})
        assert got.status_code == 403, token
    assert given(web, incident, name) == []


@every_answer
def test_json_with_the_uis_cookie_alone_is_refused(web: Web, name: str) -> None:
    incident = answerable(web, name)

    got = web.client("oncall").post(f"/upkeep/api/incidents/{incident}/{name}", json=FIELDS[name])

    assert got.status_code == 403
    assert given(web, incident, name) == []


@every_answer
def test_what_a_page_of_another_site_can_send_as_json_is_refused(web: Web, name: str) -> None:
    """Without asking first, a browser sends text/plain at most; and it says where it comes from."""
    incident = answerable(web, name)
    path, body = f"/upkeep/api/incidents/{incident}/{name}", '{"text": "x", "level": 1, "minutes": 5}'
    bearer = {"Authorization": f"Bearer {web.tokens['oncall']}"}

    plain = web.client("oncall").post(path, content=body, headers={"Content-Type": "text/plain", **bearer})
    foreign = web.post_json(
        f"api/incidents/{incident}/{name}", FIELDS[name], headers={"Origin": "https://evil"}
    )

    assert (plain.status_code, foreign.status_code) == (415, 403)
    assert given(web, incident, name) == []


@every_answer
def test_a_get_never_acts(web: Web, name: str) -> None:
    incident = answerable(web, name)

    assert web.get(f"incidents/{incident}/{name}", "oncall").status_code in (404, 405)
    assert given(web, incident, name) == []


@every_answer
def test_an_unknown_incident_is_404(web: Web, name: str) -> None:
    assert web.post_json(f"api/incidents/{uuid4()}/{name}", FIELDS[name]).status_code == 404


@pytest.mark.parametrize("name", ["acknowledge", "hand-over", "snooze"])
def test_a_resolved_incident_takes_no_such_answer(web: Web, name: str) -> None:
    incident = web.open()
    answers.resolve(web.ledger, incident, Answer("admin", NOW))

    got = web.post_json(f"incidents/{incident}/{name}", FIELDS[name])

    assert got.status_code == 409
    assert "was resolved by admin" in got.json()["detail"]
    token = {"token": make_token("oncall", incident, datetime.now(UTC))}
    shown = web.client("oncall").post(
        f"/upkeep/incidents/{incident}/{name}",
        data={**FIELDS[name], **token},
        headers={"Origin": HOST, "Accept": "text/html"},
    )
    assert shown.status_code == 409
    assert "<p>incident" in shown.text
    assert "reopen it" in shown.text


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("snooze", {}),
        ("snooze", {"minutes": 0}),
        ("snooze", {"minutes": 1441}),
        ("snooze", {"minutes": True}),
        ("snooze", {"minutes": "9" * 5000}),
        ("snooze", {"minutes": [5]}),
        ("hand-over", {"level": 0}),
        ("hand-over", {"level": 3}),
        ("hand-over", {"level": "lead"}),
        ("comment", {}),
        ("comment", {"text": " "}),
        ("comment", {"text": "x" * 4001}),
        ("resolve", {"text": 5}),
    ],
)
def test_senseless_fields_are_400_and_say_what_would_be_right(web: Web, name: str, fields: object) -> None:
    incident = web.open()

    got = web.post_json(f"incidents/{incident}/{name}", fields)

    assert got.status_code == 400
    assert "`" in got.json()["detail"]
    assert web.kinds(incident) == ["opened"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 50_000])
def test_garbage_is_400(web: Web, body: bytes) -> None:
    incident = web.open()
    headers = {"Authorization": f"Bearer {web.tokens['oncall']}", "Content-Type": "application/json"}

    got = web.client().post(f"/upkeep/incidents/{incident}/comment", content=body, headers=headers)

    assert got.status_code == 400


def test_a_body_that_is_too_large_is_413(web: Web) -> None:
    assert web.post_json(f"incidents/{web.open()}/comment", {"text": "x" * 70_000}).status_code == 413


def test_there_are_no_other_answers(web: Web) -> None:
    got = web.post_json(f"incidents/{web.open()}/delete")

    assert got.status_code == 404
    assert "acknowledge, resolve, hand-over" in got.json()["detail"]


def test_an_acknowledgement_stands_and_the_second_keeps_the_first(web: Web) -> None:
    incident = web.open()

    web.post_form(incident, "acknowledge")
    web.post_json(f"incidents/{incident}/acknowledge", user="admin")

    assert web.incident(incident).acknowledged_by == "oncall"
    assert web.get(f"api/incidents/{incident}", "oncall").json()["state"] == "acknowledged"


def test_a_hand_over_pages_the_named_level_now(web: Web) -> None:
    incident = web.open()

    web.post_form(incident, "hand-over", FIELDS["hand-over"])

    row = web.incident(incident)
    assert row.level == 0  # the step that is due now pages the one after it
    assert row.next_step_at is not None
    assert row.next_step_at <= datetime.now(UTC)
    assert "to level 2, lead; needs the lead" in web.page(incident).text


def test_a_hand_over_to_the_same_level_counts_again_once_somebody_has_answered(web: Web) -> None:
    incident = web.open()

    web.post_json(f"incidents/{incident}/hand-over", {"level": 2})
    web.post_json(f"incidents/{incident}/acknowledge", user="admin")
    web.post_json(f"incidents/{incident}/hand-over", {"level": 2})

    assert len(given(web, incident, "hand-over")) == 2
    assert web.incident(incident).acknowledged_at is None


def test_a_snooze_ends_when_it_was_asked_to(web: Web) -> None:
    incident = web.open()

    web.post_form(incident, "snooze", {"minutes": "60"})

    until = web.incident(incident).snoozed_until
    assert until is not None
    assert timedelta(minutes=58) < until - datetime.now(UTC) <= timedelta(minutes=60)


def test_an_incident_without_a_dag_takes_the_right_to_edit_the_escalation(web: Web) -> None:
    incident = web.open(facts={})

    refused = web.post_json(f"incidents/{incident}/acknowledge", user="viewer")

    assert "upkeep_escalation" in refused.json()["detail"]
    assert web.post_json(f"incidents/{incident}/acknowledge").status_code == 200


@every_answer
def test_an_answer_wakes_the_escalation_and_a_comment_does_not(web: Web, name: str) -> None:
    incident = answerable(web, name)

    web.post_form(incident, name, FIELDS[name])

    if name == "comment":
        assert web.woken.empty()
    else:
        assert web.woken.get(timeout=5) == "woken"


def test_an_answer_counts_when_airflow_cannot_be_woken(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.set()
            self.send_response(500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_AIRFLOW", f"http://u:p@127.0.0.1:{server.server_port}")
    monkeypatch.setattr(waking, "_wake", WAKE)
    incident = web.open()

    got = web.post_form(incident, "acknowledge")

    assert got.status_code == 303
    assert asked.wait(5)
    assert web.incident(incident).acknowledged_by == "oncall"
    server.shutdown()
    server.server_close()


def test_whatever_goes_wrong_with_waking_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("no memory left")

    monkeypatch.setattr(escalation, "wake_soon", fail)
    WAKE()
    assert "no memory left" in caplog.text


WAKE = waking._wake


def test_a_token_serves_its_user_and_incident_for_half_a_day() -> None:
    incident = uuid4()
    token = make_token("7", incident, NOW)

    assert is_valid(token, "7", incident, NOW + LIFETIME)
    assert not is_valid(token, "7", incident, NOW + LIFETIME + timedelta(seconds=1))
    assert not is_valid(token, "7", incident, NOW - timedelta(seconds=1))
    assert not is_valid(token, "71", incident, NOW)
    assert not is_valid(token, "7", uuid4(), NOW)
