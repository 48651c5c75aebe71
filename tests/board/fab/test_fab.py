"""FAB's roles on our pages, and what the accounts of a real installation may do, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from tests.board.conftest import PROJECT
from tests.board.fab.conftest import ADMIN, SUITE, Installation
from tests.board.test_alertmanager import alert, payload

from upkeep.clients.airflow_api import AirflowApi, Login
from upkeep.errors import PermanentError
from upkeep.ledger import incident_reads
from upkeep.runs.cleanup import OWN_DAGS, remove_old_runs
from upkeep.runs.pools import ensure_pools
from upkeep.runs.wakeups import ESCALATION, wake

NUMBERS = count(1)
PAGES = ("/upkeep/", "/upkeep/incidents", "/upkeep/reports/shop_daily/none")


@pytest.fixture
def incident(installation: Installation) -> UUID:
    return installation.open(next(NUMBERS))


@pytest.fixture
def acknowledge(incident: UUID) -> str:
    return f"/upkeep/incidents/{incident}/acknowledge"


def answered(installation: Installation, incident: UUID) -> list[tuple[str | None, str | None]]:
    lines = incident_reads.history(installation.ledger, incident)
    return [(line.who, line.channel) for line in lines if line.kind == "acknowledged"]


def form_token(page: str) -> str:
    return re.findall(r'name="token" value="([^"]+)"', page)[0]


@pytest.mark.parametrize("page", PAGES)
def test_whoever_is_signed_out_is_led_to_the_login_page_and_a_program_gets_401(
    installation: Installation, page: str
) -> None:
    with installation.browser() as browser:
        led = browser.get(page, follow_redirects=True)
        assert led.url.path == "/auth/login/"
        assert browser.get(page, headers={"Accept": "application/json"}).status_code == 401


def test_whoever_is_signed_out_answers_nothing(
    installation: Installation, incident: UUID, acknowledge: str
) -> None:
    with installation.browser() as browser:
        got = browser.post(acknowledge, data={"text": "mine"}, headers={"Origin": installation.url})
    assert got.status_code == 401
    assert answered(installation, incident) == []


@pytest.mark.parametrize("page", PAGES[:2])
def test_an_account_without_rights_sees_nothing(installation: Installation, page: str) -> None:
    with installation.browser("dora") as browser:
        assert browser.get(page).status_code == 403


def test_a_viewer_reads_and_cannot_answer(
    installation: Installation, incident: UUID, acknowledge: str
) -> None:
    with installation.browser("ann") as browser:
        page = browser.get(f"/upkeep/incidents/{incident}")
        assert page.status_code == 200
        assert "shop_daily failed" in page.text
        assert "<form" not in page.text
        got = browser.post(acknowledge, data={"text": "mine"}, headers={"Origin": installation.url})
        assert got.status_code == 403
    with installation.program("ann") as program:
        assert program.post(acknowledge.replace("/upkeep/", "/upkeep/api/"), json={}).status_code == 403
    assert answered(installation, incident) == []


@pytest.mark.parametrize("user", ["bob", "carl"])
def test_a_user_and_an_operator_answer_by_the_form_under_their_name(
    installation: Installation, incident: UUID, acknowledge: str, user: str
) -> None:
    with installation.browser(user) as browser:
        token = form_token(browser.get(f"/upkeep/incidents/{incident}").text)
        got = browser.post(acknowledge, data={"token": token}, headers={"Origin": installation.url})
    assert got.status_code == 303
    assert answered(installation, incident) == [(user, "ui")]


def test_a_program_answers_with_a_token_and_not_with_the_cookie(
    installation: Installation, incident: UUID, acknowledge: str
) -> None:
    by_rest = acknowledge.replace("/upkeep/", "/upkeep/api/")
    with installation.browser("bob") as browser:
        assert browser.post(by_rest, json={}).status_code == 403
    with installation.program("bob") as program:
        assert program.post(by_rest, json={}).status_code == 200
    assert answered(installation, incident) == [("bob", "api")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {},
    ],
)
def test_what_another_site_makes_the_browser_send_is_refused(
    installation: Installation, incident: UUID, acknowledge: str, headers: dict[str, str]
) -> None:
    with installation.browser("bob") as browser:
        token = form_token(browser.get(f"/upkeep/incidents/{incident}").text)
        assert browser.post(acknowledge, data={"token": token}, headers=headers).status_code == 403
    assert answered(installation, incident) == []


def test_a_form_of_somebody_elses_page_is_refused(
    installation: Installation, incident: UUID, acknowledge: str
) -> None:
    with installation.browser("bob") as bob, installation.browser("carl") as carl:
        token = form_token(bob.get(f"/upkeep/incidents/{incident}").text)
        got = carl.post(acknowledge, data={"token": token}, headers={"Origin": installation.url})
    assert got.status_code == 403


@pytest.fixture(scope="module")
def known(installation: Installation) -> Installation:
    """Airflow knows the DAGs."""
    installation.command(
        Path(installation.environment["PATH"].split(":")[0]) / "airflow", "dags", "reserialize"
    )
    return installation


@pytest.fixture(scope="module")
def suite(known: Installation) -> Iterator[AirflowApi]:
    with AirflowApi(Login(known.url, "upkeep", SUITE)) as api:
        yield api


def test_the_suites_account_can_do_what_the_watchdog_and_the_cleanup_do(suite: AirflowApi) -> None:
    now = datetime.now(UTC)

    assert ensure_pools(suite, ["shop"]) == ["upkeep_shop"]
    assert {"upkeep_shop"} <= suite.pools()
    assert "shop_daily" in {dag["dag_id"] for dag in suite.dags("system:shop")}
    assert ESCALATION in {dag["dag_id"] for dag in suite.dags("system:upkeep")}
    far = datetime(9999, 1, 1, tzinfo=UTC)
    assert "shop_daily" in {dag["dag_id"] for dag in suite.next_dags("cadence:daily", far)}
    assert suite.waiting_tasks("upkeep", now) == []
    assert not suite.ran_on_schedule("shop_daily", now)
    wake(suite, now, now)
    [run] = suite.runs(state=["queued"])
    assert run["dag_id"] == ESCALATION
    assert set(remove_old_runs(suite, now, 2, dry=False)) == set(OWN_DAGS)
    assert suite.delete_runs(ESCALATION, [run["dag_run_id"]]) == 1


def test_the_suites_account_can_do_no_more(suite: AirflowApi, known: Installation, acknowledge: str) -> None:
    with pytest.raises(PermanentError, match="403"):
        suite.trigger("shop_daily", "not-mine")
    with pytest.raises(PermanentError, match="403"):
        suite.trigger("upkeep_raise_incident", "not-mine")
    with pytest.raises(PermanentError, match="403"):
        suite.delete_runs("shop_daily", ["any"])
    with known.program("upkeep", SUITE) as program:
        for refused in ("connections", "variables", "config"):
            assert program.get(f"/api/v2/{refused}").status_code == 403, refused
        assert program.get("/auth/fab/v1/users").status_code == 403
        assert program.post(acknowledge.replace("/upkeep/", "/upkeep/api/"), json={}).status_code == 403


def test_alertmanagers_account_sends_alerts_and_can_do_no_more(known: Installation) -> None:
    with known.program("alertmanager") as program:
        assert program.post("/upkeep/api/alertmanager", json=payload(alert())).json() == {"opened": 1}
        assert program.get("/upkeep/incidents").status_code == 403
        assert program.get("/api/v2/dags").status_code == 403
        run = {"dag_run_id": "not-mine", "logical_date": None}
        assert program.post(f"/api/v2/dags/{ESCALATION}/dagRuns", json=run).status_code == 403


def test_another_start_changes_no_account_but_the_suites_password(installation: Installation) -> None:
    again = dict(installation.environment, UPKEEP_ADMIN_PASSWORD="another", UPKEEP_API_PASSWORD="another-one")
    accounts = Path(again["PATH"].split(":")[0]) / "accounts.py"
    try:
        Installation(installation.url, installation.ledger, installation.systems, again).command(accounts)

        assert installation.token("admin", ADMIN)
        assert installation.token("upkeep", "another-one")
        old = httpx.post(f"{installation.url}/auth/token", json={"username": "upkeep", "password": SUITE})
        assert old.status_code == 401
    finally:
        installation.command(accounts)
    assert (PROJECT / "scripts/container/accounts.py").stat().st_mode & 0o111
