"""What a person reads on an incident's own page, on the list and on the board."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session
from tests.board.shown import Page
from tests.board.web import BEGAN, HOST, NOW, Web

from upkeep.incidents.model import Person
from upkeep.incidents.oncall import StandIn
from upkeep.ledger import answers
from upkeep.ledger.answers import Answer
from upkeep.ledger.incident_tables import Incident, PageRow
from upkeep.ledger.overrides import make_override


def paged(web: Web, incident_id: UUID, level: int = 0, **changes: object) -> None:
    """Write what a wake-up writes when it has paged a level."""
    person, now = Person("sre", "SRE", email="sre@example.com"), datetime.now(UTC)
    values = {
        "id": uuid4(), "incident_id": incident_id, "series": 0, "level": level, "round": 0, "kind": "page",
        "owner": "sre", "person": "sre", "contact": asdict(person), "channels": ["slack", "email"],
        "channel": "email", "target": "sre@example.com", "state": "sent", "attempts": 3,
        "error": "slack: refused", "created_at": BEGAN, "sent_at": BEGAN,
    }  # fmt: skip
    with Session(web.ledger) as session, session.begin():
        session.add(PageRow(**values | changes))
        session.execute(
            update(Incident)
            .where(Incident.id == incident_id)
            .values(level=level, paged_at=now, heard=True, next_step_at=now + timedelta(minutes=15))
        )


def test_the_page_says_what_since_when_and_against_which_limit(web: Web) -> None:
    page = web.page(web.open())

    assert "shop_daily failed Shop" in page.lines
    text = " ".join(page.text.split())
    assert f"Since{BEGAN:%Y-%m-%d %H:%M} UTC, " in text
    assert "Value3.1 %" in text
    assert "Limit> 1 %" in text
    assert "What to do: Failed requests" in page.lines
    assert "Roll back." in page.lines
    assert page.links["https://grafana.example.com/d/shop"] == ["https://grafana.example.com/d/shop"]


def test_the_page_counts_down_to_its_targets(web: Web) -> None:
    now = datetime.now(UTC)
    incident = web.open(now=now)

    text = web.page(incident).text

    assert f"{now + timedelta(minutes=30):%Y-%m-%d %H:%M} UTC 30 min left" in text
    assert f"{now + timedelta(minutes=240):%Y-%m-%d %H:%M} UTC 4 h left" in text


def test_a_missed_target_is_said(web: Web) -> None:
    incident = web.open()
    with web.ledger.begin() as connection:
        connection.execute(update(Incident).values(counted_from=datetime.now(UTC) - timedelta(hours=2)))

    assert "1.5 h overdue" in web.page(incident).text


def test_links_lead_to_the_run_and_back(web: Web) -> None:
    incident = web.open()

    page = web.page(incident)

    here = f"{HOST}/ops/airflow/upkeep/incidents/{incident}"
    (run,) = page.links["shop_daily scheduled__1"]
    assert urljoin(here, run) == f"{HOST}/ops/airflow/dags/shop_daily/runs/scheduled__1"
    assert [urljoin(here, href) for href in page.links["Incidents"]] == [
        f"{HOST}/ops/airflow/upkeep/incidents"
    ]
    forms = [attrs["action"] for tag, attrs in page.tags if tag == "form"]
    assert urljoin(here, forms[0]) == f"{here}/acknowledge"


def test_the_chain_says_who_is_on_call_now_and_what_comes_next(web: Web) -> None:
    incident = web.open()
    make_override(
        web.ledger, "shop", StandIn("sre", "lead", BEGAN, NOW + timedelta(hours=1)), "oncall", BEGAN
    )

    text = " ".join(web.page(incident).text.split())

    assert "1: sreThe lead" in text
    assert "waits 15 min, ends at acknowledgement" in text
    assert "If nobody answers: Now: page level 1, sre" in text
    paged(web, incident)
    assert "in 15 min: page level 2, lead" in " ".join(web.page(incident).text.split())


def test_who_was_told_by_which_channel_with_which_outcome(web: Web) -> None:
    incident = web.open()
    assert "Nobody yet." in web.page(incident).lines
    paged(web, incident)
    paged(web, incident, 1, state="dead", channel=None, target=None, error="email: 550", person="lead")

    page = web.page(incident)

    assert "delivered to sre@example.com, 3 attempts (slack: refused)" in page.text
    assert "dead letter: no channel took it, 3 attempts (email: 550)" in page.text


def test_opening_the_page_is_recorded_and_changes_nothing_else(web: Web) -> None:
    incident = web.open()
    before = {name: value for name, value in vars(web.incident(incident)).items() if name[0] != "_"}

    for user in ("oncall", "viewer", "oncall"):
        assert web.get(f"incidents/{incident}", user).status_code == 200

    seen = [(line.who, line.channel) for line in web.history(incident) if line.kind == "seen"]
    assert seen == [("oncall", "ui"), ("viewer", "ui")]
    assert {name: value for name, value in vars(web.incident(incident)).items() if name[0] != "_"} == before
    assert web.woken.empty()


def test_reading_by_rest_is_not_recorded(web: Web) -> None:
    incident = web.open()

    assert web.get(f"api/incidents/{incident}", "oncall").json()["id"] == str(incident)
    assert "seen" not in web.kinds(incident)


def test_a_viewer_sees_everything_but_the_forms(web: Web) -> None:
    page = web.page(web.open(), "viewer")

    assert "shop_daily failed Shop" in page.lines
    assert not [tag for tag, _ in page.tags if tag in ("form", "button", "input")]


@pytest.mark.parametrize("path", ["incidents", "incidents/{}", "api/incidents", "api/incidents/{}"])
def test_nothing_is_shown_to_nobody(web: Web, path: str) -> None:
    got = web.get(path.format(web.open()))

    assert got.status_code == 401
    assert "shop_daily" not in got.text


def test_a_person_who_is_signed_out_is_led_to_sign_in_and_back(web: Web) -> None:
    incident = web.open()

    got = web.get(f"incidents/{incident}", accept="text/html,*/*;q=0.8")

    assert got.status_code == 303
    login = web.client().get(got.headers["location"])
    assert login.status_code == 307
    assert (
        f"next=http%3A%2F%2Fairflow.example.com%2Fupkeep%2Fincidents%2F{incident}"
        in login.headers["location"]
    )


@pytest.mark.parametrize("name", ["0c1d4b0e-9b7e-4a53-8f5f-3d1c1f3f6a11", "not-an-id", "%00"])
def test_an_unknown_incident_is_404(web: Web, name: str) -> None:
    assert web.get(f"incidents/{name}", "oncall").status_code == 404
    assert web.get(f"api/incidents/{name}", "oncall").status_code == 404


def test_what_others_wrote_is_shown_and_never_run(web: Web) -> None:
    nasty = """<script>alert(1)</script>"><img src=x onerror=y>' onfocus='z"""
    facts = {"dag_id": "shop_daily", "run_id": nasty, "dashboard": "javascript:alert(1)", "runbook": nasty,
             nasty: nasty, "api_password": "hunter2", "limit": nasty}  # fmt: skip
    incident = web.open(title=nasty, summary=nasty * 2, issue_type=nasty, symptom=nasty, facts=facts)
    answers.comment(web.ledger, incident, Answer(nasty, NOW, nasty))
    paged(web, incident, target=nasty, error=nasty, person=nasty)

    for page in (web.page(incident), Page(web.get("incidents", "oncall").text)):
        assert "<script>alert(1)</script>" in page.text
        assert not {"script", "img", "iframe", "link", "object"} & {tag for tag, _ in page.tags}
        assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
        assert not [href for hrefs in page.links.values() for href in hrefs if href.startswith("javascript")]
        assert "hunter2" not in page.html


def test_a_page_runs_nothing_and_sends_forms_to_us_alone(web: Web) -> None:
    incident = web.open()

    policy = web.get(f"incidents/{incident}", "oncall").headers["content-security-policy"]
    board = web.get("", "oncall").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "form-action 'none'" in board


def test_every_field_has_a_label(web: Web) -> None:
    page = web.page(web.open())

    fields = [attrs for tag, attrs in page.tags if tag in ("select", "textarea")]
    labels = {attrs["for"] for tag, attrs in page.tags if tag == "label"}
    assert {attrs["id"] for attrs in fields} == labels
    assert len(fields) == len(labels)


def test_the_list_has_what_is_loud_first_then_severity_and_age(web: Web) -> None:
    young = web.open(1, severity="P1", title="young")
    old = web.open(2, severity="P1", title="old", began_at=BEGAN - timedelta(hours=1))
    minor = web.open(3, severity="P3", title="unheard")
    ended = web.open(4, severity="P0", title="at its end")
    over = web.open(5, severity="P0", title="over")
    paged(web, minor, state="dead")
    with web.ledger.begin() as connection:
        connection.execute(update(Incident).where(Incident.id == ended).values(exhausted=True))
    answers.resolve(web.ledger, over, Answer("oncall", NOW))

    listed = web.get("api/incidents?state=all", "oncall").json()["incidents"]
    page = Page(web.get("incidents", "oncall").text)

    assert [one["title"] for one in listed] == ["at its end", "unheard", "old", "young", "over"]
    assert list(page.links) == ["Upkeep", "at its end", "unheard", "old", "young"]
    assert page.links["young"] == [f"incidents/{young}"]
    assert "4 incidents open, 4 not acknowledged, 2 unheard" in page.lines
    assert "✕ no channel took the last page" in page.lines
    assert [one["id"] for one in listed][2] == str(old)


def test_a_dead_letter_is_forgotten_once_a_later_page_was_delivered(web: Web) -> None:
    incident = web.open()
    paged(web, incident, state="dead")
    paged(web, incident, 1, created_at=BEGAN + timedelta(seconds=1))

    assert "unheard" not in web.get("incidents", "oncall").text


def test_the_list_is_filtered_by_system_and_state(web: Web) -> None:
    web.open(1, title="of the shop")
    web.open(2, system="upkeep", fold_key="upkeep/x", title="of the suite", facts={})
    answers.resolve(web.ledger, web.open(3, title="over"), Answer("oncall", NOW))

    def titles(query: str) -> list[str]:
        listed = web.get(f"api/incidents?{query}", "oncall").json()["incidents"]
        return sorted(one["title"] for one in listed)

    assert titles("") == ["of the shop", "of the suite"]
    assert titles("system=shop") == ["of the shop"]
    assert titles("system=shop&state=all") == ["of the shop", "over"]
    assert titles("state=resolved") == ["over"]
    assert web.get("incidents?state=other", "oncall").status_code == 422
    assert "1 incident resolved" in web.get("incidents?state=resolved", "oncall").text


def test_an_empty_list_says_so(web: Web) -> None:
    page = Page(web.get("incidents", "oncall").text)

    assert "Nothing is open" in page.lines
    assert "There is none." in page.lines


def test_the_board_counts_open_incidents_and_leads_to_them(web: Web) -> None:
    assert "No open incident" in web.get("", "oncall").text
    web.open(1)
    web.open(2)

    page = Page(web.get("", "oncall").text)

    assert page.links["2 open incidents"][0] == "incidents"


def test_a_broken_catalog_hides_no_incident(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = web.open()
    monkeypatch.setenv("UPKEEP_SYSTEMS", "/nonexistent")

    page = web.page(incident)

    assert "shop_daily failed shop" in page.lines
    assert "SRE" in page.text  # as copied when it opened


def test_a_ledger_that_is_down_is_503(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from upkeep.operators.ledger import ledger_engine

    incident = web.open()
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_LEDGER", "postgres://nobody:x@127.0.0.1:1/none")
    ledger_engine.cache_clear()

    for path in ("incidents", f"incidents/{incident}", f"api/incidents/{incident}"):
        assert web.get(path, "oncall").status_code == 503
    assert web.post_json(f"incidents/{incident}/acknowledge").status_code == 503


def test_rest_tells_levels_pages_and_history(web: Web) -> None:
    incident = web.open()
    paged(web, incident)

    found = web.get(f"api/incidents/{incident}", "viewer").json()

    assert found["state"] == "open"
    assert found["level"] == 1
    assert [(one["level"], one["owner"]) for one in found["levels"]] == [(1, "sre"), (2, "lead")]
    assert [(one["level"], one["state"], one["channel"]) for one in found["pages"]] == [(1, "sent", "email")]
    assert found["history"][0]["kind"] == "opened"
    assert datetime.fromisoformat(found["acknowledge_by"]) == BEGAN + timedelta(minutes=30)
    assert datetime.fromisoformat(found["opened_at"]).astimezone(UTC) == BEGAN
