"""Alertmanager's webhook: what it opens, folds and resolves, and who may send it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.board.web import BEGAN, NOW, Web

from upkeep.board.alertmanager import MOST_ALERTS
from upkeep.ledger import answers, incident_reads
from upkeep.ledger.answers import Answer
from upkeep.ledger.incident_reads import Which

PATH = "api/alertmanager"


def alert(status: str = "firing", starts_at: datetime = BEGAN, **labels: str) -> dict[str, Any]:
    ends = NOW.isoformat() if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": {"alertname": "ShopErrors", "system": "shop", "severity": "critical"} | labels,
        "annotations": {"summary": "3 % of the requests fail", "description": "Since the deployment."},
        "startsAt": starts_at.isoformat(),
        "endsAt": ends,
        "generatorURL": "http://prometheus.example.com/graph",
        "fingerprint": labels.get("pod", "0f3a8c5d9e214b77"),
    }


def payload(*alerts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "4", "groupKey": '{}:{alertname="ShopErrors"}', "truncatedAlerts": 0, "status": "firing",
        "receiver": "upkeep", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com", "alerts": list(alerts),
    }  # fmt: skip


def send(web: Web, *alerts: Mapping[str, Any]) -> dict[str, int]:
    got = web.post_json(PATH, payload(*alerts))
    assert got.status_code == 200, got.text
    return dict(got.json())


def listed(web: Web, state: Any = "any") -> list[UUID]:
    return [row.id for row in incident_reads.incidents(web.ledger, Which(state=state))]


def test_a_firing_alert_opens_an_incident_by_the_catalogs_rule(web: Web) -> None:
    assert send(web, alert()) == {"opened": 1}

    row = web.incident(listed(web)[0])
    assert (row.system, row.severity, row.title) == ("shop", "P1", "3 % of the requests fail")
    assert row.began_at == BEGAN
    assert row.next_step_at is not None
    assert web.woken.get(timeout=5) == "woken"


def test_a_repeat_changes_nothing(web: Web) -> None:
    send(web, alert())
    incident = listed(web)[0]
    before = vars(web.incident(incident)) | {"_sa_instance_state": None}

    assert send(web, alert()) == {"seen": 1}

    assert vars(web.incident(incident)) | {"_sa_instance_state": None} == before
    assert web.kinds(incident) == ["opened"]


def test_the_end_of_an_alert_resolves_its_incident(web: Web) -> None:
    send(web, alert())

    assert send(web, alert("resolved")) == {"resolved": 1}
    assert send(web, alert("resolved")) == {"ignored": 1}

    row = web.incident(listed(web)[0])
    assert row.resolved_by == "upkeep"
    assert web.kinds(row.id).count("resolved") == 1


def test_an_incident_is_open_until_its_last_alert_ends(web: Web) -> None:
    send(web, alert(pod="a"), alert(pod="b"))

    assert send(web, alert("resolved", pod="a")) == {"ignored": 1}
    assert len(listed(web, "open")) == 1
    assert send(web, alert("resolved", pod="b")) == {"resolved": 1}


def test_an_older_state_than_the_recorded_one_is_ignored(web: Web) -> None:
    earlier = BEGAN - timedelta(hours=1)
    send(web, alert(starts_at=earlier))
    send(web, alert("resolved", starts_at=earlier))
    send(web, alert())

    assert send(web, alert("resolved", starts_at=earlier)) == {"ignored": 1}
    assert send(web, alert(starts_at=earlier)) == {"ignored": 1}
    assert send(web, alert(starts_at=earlier - timedelta(hours=1))) == {"ignored": 1}

    assert len(listed(web, "open")) == 1
    assert len(listed(web)) == 2


def test_a_repeat_after_somebody_resolved_it_opens_nothing(web: Web) -> None:
    send(web, alert())
    answers.resolve(web.ledger, listed(web)[0], Answer("oncall", NOW))

    assert send(web, alert()) == {"seen": 1}
    assert listed(web, "open") == []


def test_the_end_of_what_never_was_recorded_is_ignored(web: Web) -> None:
    assert send(web, alert("resolved")) == {"ignored": 1}
    assert listed(web) == []


def test_the_states_of_one_request_count_in_their_order(web: Web) -> None:
    earlier = alert(starts_at=BEGAN - timedelta(hours=1))

    assert send(web, alert("resolved"), earlier) == {"opened": 1, "resolved": 1}


@pytest.mark.parametrize(
    ("labels", "system", "severity"),
    [
        ({"system": "", "namespace": "shop-production"}, "shop", "P1"),
        ({"system": "unknown", "namespace": "elsewhere"}, "upkeep", "P1"),
        ({"alertname": "Other", "severity": "CRITICAL"}, "shop", "P1"),
        ({"alertname": "Other", "severity": "odd"}, "shop", "P1"),
    ],
)
def test_labels_name_the_system_and_the_severity(
    web: Web, labels: dict[str, str], system: str, severity: str
) -> None:
    send(web, alert(**labels))

    row = web.incident(listed(web)[0])
    assert (row.system, row.severity) == (system, severity)


def test_a_warning_pages_nobody(web: Web) -> None:
    assert send(web, alert(alertname="Other", severity="warning")) == {"warning": 1}
    assert listed(web) == []


def test_what_an_alert_says_is_shown_and_never_run(web: Web) -> None:
    nasty = alert()
    nasty["annotations"] = {"summary": "<script>alert(1)</script>"}
    send(web, nasty)

    page = web.page(listed(web)[0])

    assert "<script>alert(1)</script>" in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_it_takes_the_right_to_edit_the_escalation(web: Web) -> None:
    body = payload(alert())

    nobody = web.post_json(PATH, body, user=None)
    viewer = web.post_json(PATH, body, user="viewer")
    cookie = web.client("admin").post(f"/upkeep/{PATH}", json=body)
    foreign = web.post_json(PATH, body, headers={"Origin": "https://evil.example.com"})
    forged = web.post_json(PATH, body, user=None, headers={"Authorization": "Bearer x.y.z"})

    assert [got.status_code for got in (nobody, viewer, cookie, foreign, forged)] == [401, 403, 403, 403, 403]
    assert listed(web) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"[]",
        b'{"version": "3", "alerts": []}',
        b'{"version": "4"}',
        b'{"version": "4", "alerts": [{"status": "firing"}]}',
        b"[" * 100_000,
    ],
)
def test_garbage_is_400_with_a_message(web: Web, body: bytes) -> None:
    got = post(web, body)

    assert got.status_code == 400
    assert "no webhook of Alertmanager" in got.json()["detail"]


@pytest.mark.parametrize(
    "changes",
    [{"fingerprint": "a/b"}, {"fingerprint": ""}, {"startsAt": "2026-01-01T00:00:00"}, {"status": "odd"}],
)
def test_an_alert_that_makes_no_sense_is_400_and_none_of_its_request_is_taken(
    web: Web, changes: dict[str, str]
) -> None:
    got = web.post_json(PATH, payload(alert(), alert() | changes))

    assert got.status_code == 400
    assert listed(web) == []


def test_what_is_too_much_is_refused(web: Web) -> None:
    assert post(web, b" " * (1024 * 1024 + 1)).status_code == 413
    assert web.post_json(PATH, payload(*[alert()] * (MOST_ALERTS + 1))).status_code == 400
    assert listed(web) == []


def test_a_ledger_that_is_down_is_503(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from upkeep.operators.ledger import ledger_engine

    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_LEDGER", "postgres://nobody:x@127.0.0.1:1/none")
    ledger_engine.cache_clear()

    got = web.post_json(PATH, payload(alert()))

    assert got.status_code == 503
    assert "the ledger does not answer" in got.json()["detail"]
    assert web.woken.empty()


def post(web: Web, body: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {web.tokens['oncall']}", "Content-Type": "application/json"}
    return web.client().post(f"/upkeep/{PATH}", content=body, headers=headers)
