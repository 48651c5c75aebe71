"""PagerDuty's webhook: an answer on the phone is an answer, and nobody else can give it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.board.web import BEGAN, SECRET, Web

from upkeep.ledger import answers
from upkeep.ledger.answers import Answer

PERSON = {"id": "PLH1HKV", "type": "user_reference", "summary": "Ana Example"}


def event(kind: str, incident: UUID | str | None, at: datetime | None = None, **changes: Any) -> bytes:
    assignee = {"type": "user_reference", "summary": "Bo Example"}
    key = str(incident) if incident else None
    data = {"id": "PGR0VU2", "type": "incident", "incident_key": key, "assignees": [assignee]}
    said = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f", "event_type": f"incident.{kind}", "agent": PERSON,
        "resource_type": "incident", "occurred_at": (at or datetime.now(UTC)).isoformat(), "data": data,
    }  # fmt: skip
    return json.dumps({"event": said | changes}).encode()


def sign(body: bytes, secret: str = SECRET) -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def send(web: Web, body: bytes, signature: str | None = None) -> httpx.Response:
    headers = {"X-PagerDuty-Signature": sign(body) if signature is None else signature}
    return web.client().post("/upkeep/api/pagerduty", content=body, headers=headers)


def outcome(web: Web, body: bytes) -> str:
    got = send(web, body)
    assert got.status_code == 200, got.text
    return str(got.json()["outcome"])


def test_an_acknowledgement_on_the_phone_counts_under_the_persons_name(web: Web) -> None:
    incident = web.open()
    at = datetime.now(UTC) - timedelta(seconds=3)

    assert outcome(web, event("acknowledged", incident, at)) == "recorded"

    row = web.incident(incident)
    assert (row.acknowledged_by, row.acknowledged_at) == ("Ana Example (PagerDuty)", at)
    assert web.history(incident)[-1].channel == "pagerduty"
    assert web.woken.get(timeout=5) == "woken"


def test_resolving_on_the_phone_resolves(web: Web) -> None:
    incident = web.open()

    assert outcome(web, event("resolved", incident)) == "recorded"

    assert web.incident(incident).resolved_by == "Ana Example (PagerDuty)"


def test_a_quick_pair_of_answers_counts_however_late_it_arrives(web: Web) -> None:
    incident = web.open()
    at = BEGAN + timedelta(seconds=30)

    outcome(web, event("acknowledged", incident, at))
    assert outcome(web, event("resolved", incident, at + timedelta(seconds=1))) == "recorded"

    assert web.incident(incident).resolved_at == at + timedelta(seconds=1)


def test_a_reassignment_is_a_remark_once(web: Web) -> None:
    incident = web.open()
    body = event("reassigned", incident)

    for _ in range(2):
        outcome(web, body)

    (line,) = [line for line in web.history(incident) if line.kind == "commented"]
    assert "reassigned in PagerDuty to Bo Example" in (line.text or "")
    assert web.incident(incident).acknowledged_at is None


def test_a_replay_changes_nothing(web: Web) -> None:
    incident = web.open()
    body = event("acknowledged", incident)

    for _ in range(3):
        send(web, body)

    assert web.kinds(incident) == ["opened", "acknowledged"]


@pytest.mark.parametrize("kind", ["acknowledged", "resolved"])
@pytest.mark.parametrize("later", ["handed over", "reopened", "made more severe", "snoozed"])
def test_a_replay_does_not_silence_what_happened_since(web: Web, kind: str, later: str) -> None:
    incident = web.open()
    body = event(kind, incident, BEGAN + timedelta(seconds=30))
    now, who = datetime.now(UTC), Answer("oncall", datetime.now(UTC))
    if later == "handed over":
        answers.hand_over(web.ledger, incident, who, 1)
    elif later == "reopened":
        answers.resolve(web.ledger, incident, who)
        answers.reopen(web.ledger, incident, Answer("oncall", now))
    elif later == "snoozed":
        answers.snooze(web.ledger, incident, who, now + timedelta(minutes=5))
    else:
        web.open(2, now=now, fold_key="shop/shop_daily/1", severity="P0")

    assert outcome(web, body) == "ignored: it is older than what is known"

    row = web.incident(incident)
    assert (row.acknowledged_at, row.resolved_at) == (None, None)


@pytest.mark.parametrize(
    "path", ["missing", "empty", "forged", "other secret", "no version", "of another body"]
)
def test_a_signature_that_does_not_fit_is_401(web: Web, path: str) -> None:
    incident = web.open()
    body = event("acknowledged", incident)
    good = sign(body)
    signature = {
        "empty": "", "forged": "v1=" + "0" * 64, "other secret": sign(body, "x"),
        "no version": good.removeprefix("v1="), "of another body": sign(body + b" "),
    }.get(path)  # fmt: skip

    if path == "missing":
        got = web.client().post("/upkeep/api/pagerduty", content=body)
    else:
        got = send(web, body, signature)

    assert got.status_code == 401
    assert web.kinds(incident) == ["opened"]


def test_while_the_secret_changes_one_of_several_signatures_suffices(web: Web) -> None:
    incident = web.open()
    body = event("acknowledged", incident)

    got = send(web, body, f"v1={'0' * 64}, {sign(body)}")

    assert got.status_code == 200
    assert web.incident(incident).acknowledged_at


def test_an_airflow_user_needs_the_signature_too(web: Web) -> None:
    incident = web.open()
    got = web.client("admin").post("/upkeep/api/pagerduty", content=event("acknowledged", incident))

    assert got.status_code == 401


@pytest.mark.parametrize(
    "connection", ["", '{"conn_type": "generic"}', '{"conn_type": "generic", "password": ""}']
)
def test_without_a_secret_nobody_can_sign(web: Web, monkeypatch: pytest.MonkeyPatch, connection: str) -> None:
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_PAGERDUTY_WEBHOOK", connection)
    else:
        monkeypatch.delenv("AIRFLOW_CONN_UPKEEP_PAGERDUTY_WEBHOOK")
    body = event("acknowledged", web.open())

    got = send(web, body, sign(body, ""))

    assert got.status_code == 503
    assert "upkeep_pagerduty_webhook" in got.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        event("acknowledged", uuid4()),
        event("acknowledged", None),
        event("acknowledged", "a key of somebody else"),
        event("triggered", uuid4()),
        event("x", uuid4(), event_type="pagey.ping", data={"message": "Hello", "type": "ping"}),
    ],
)
def test_what_is_not_ours_is_taken_and_ignored(web: Web, body: bytes) -> None:
    assert outcome(web, body).startswith("ignored")


@pytest.mark.parametrize(
    "agent",
    [None, {"type": "service_reference", "summary": "Shop"}, {"type": "inbound_integration_reference"}],
)
def test_what_nobody_did_silences_nothing(web: Web, agent: object) -> None:
    incident = web.open()

    assert outcome(web, event("resolved", incident, agent=agent)) == "ignored: nobody did it"

    assert web.kinds(incident) == ["opened"]


def test_an_acknowledgement_of_what_is_resolved_is_ignored(web: Web) -> None:
    incident = web.open()
    answers.resolve(web.ledger, incident, Answer("oncall", BEGAN))

    assert "reopen it" in outcome(web, event("acknowledged", incident))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"event": {}}'])
def test_signed_garbage_is_400(web: Web, body: bytes) -> None:
    assert send(web, body).status_code == 400


def test_a_name_from_outside_is_shown_and_never_run(web: Web) -> None:
    incident = web.open()
    outcome(web, event("acknowledged", incident, agent=PERSON | {"summary": "<script>alert(1)</script>"}))

    page = web.page(incident)

    assert "<script>alert(1)</script> (PagerDuty)" in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_ledger_that_is_down_is_503(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from upkeep.operators.ledger import ledger_engine

    body = event("acknowledged", web.open())
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_LEDGER", "postgres://nobody:x@127.0.0.1:1/none")
    ledger_engine.cache_clear()

    assert send(web, body).status_code == 503
