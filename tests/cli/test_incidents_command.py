"""`upkeep incidents` on a real ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import after, by, chain, many, raise_, signal, wake
from typer.testing import CliRunner

from upkeep.cli import app
from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.ledger.answers import Answer, acknowledge, resolve, snooze


@pytest.fixture
def used(ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("UPKEEP_LEDGER_URL", ledger.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "250")
    return ledger


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["incidents", *words])
    assert done.exit_code == 0, done.exception
    return done.stdout


def ids(*words: str) -> set[str]:
    return {row["id"] for row in json.loads(said("--json", *words))}


def refused(*words: str) -> str:
    done = CliRunner().invoke(app, ["incidents", *words])
    assert isinstance(done.exception, ConfigurationError)
    return str(done.exception)


def test_without_incidents_it_says_so(used: Engine) -> None:
    assert said() == "no open incidents\n"
    assert said("--state", "all") == "no incidents\n"
    assert json.loads(said("--json")) == []


def opened(ledger: Engine, name: str, **changes: Any) -> str:
    """Open an incident of its own matter and return its id."""
    given = signal(name, fold_key=f"shop/{name}", title=f"{name} is [wrong]", **changes)
    return str(raise_(ledger, given).incident_id)


def test_the_list_shows_the_most_severe_first_with_where_each_stands(used: Engine) -> None:
    minor, major = opened(used, "disk", severity="P2"), opened(used, "errors", severity="P0")
    wake(used, 0)
    acknowledge(used, UUID(minor), by("ada", 3))

    lines = [line for line in said().splitlines() if "shop" in line]

    assert [major[:8] in lines[0], minor[:8] in lines[1], len(lines)] == [True, True, 2]
    assert "open, level 1 was paged" in lines[0]
    assert "acknowledged by ada 2026-03-04 12:03 UTC" in lines[1]
    # What looks like the markup of the table is text.
    assert "errors is [wrong]" in lines[0]


def test_the_list_is_filtered(used: Engine) -> None:
    over, still = opened(used, "disk", severity="P2"), opened(used, "errors", severity="P1")
    resolve(used, UUID(over), by("ada", 9))

    assert ids() == {still}
    assert ids("--state", "resolved") == {over}
    assert ids("--state", "all") == {over, still}
    assert ids("--state", "all", "--severity", "P2") == {over}
    assert ids("--system", "shop") == {still}
    assert ids("--system", "tapio") == set()


def test_an_incident_is_shown_with_chain_pages_and_history(used: Engine) -> None:
    incident = opened(used, "errors", began_at=after(-4))
    wake(used, 0, takes=lambda page: page.page.level == 1)
    acknowledge(used, UUID(incident), by("ada", 5, channel="airflow"))
    now = datetime.now(UTC)
    snooze(used, UUID(incident), Answer("ada", now), now + timedelta(hours=2))

    shown = said("show", incident[:10])

    assert f"Incident: {incident}" in shown
    assert "Began: 2026-03-04 11:56 UTC" in shown
    assert f"snoozed until {now + timedelta(hours=2):%Y-%m-%d %H:%M} UTC" in shown
    levels = [line for line in shown.splitlines() if "15 min" in line]
    assert [["l1" in one, "← paged last" in one] for one in levels] == [
        [True, False], [False, True], [False, False],
    ]  # fmt: skip
    assert "slack: answers 500" in shown
    assert "sent by slack to l2@shop.example" in shown
    history = shown[shown.index("History") :]
    events = ["opened", "page_failed", "dead_letter", "paged", "acknowledged", "snoozed"]
    places = [history.index(f" {event} ") for event in events]
    assert places == sorted(places)


def test_json_holds_the_same_for_programs(used: Engine) -> None:
    incident = opened(used, "errors")
    wake(used, 0)
    resolve(used, UUID(incident), by("ada", 30, text="rolled back"))

    facts: dict[str, Any] = json.loads(said("show", incident, "--json"))

    assert (facts["id"], facts["state"], facts["resolved_by"]) == (incident, "resolved", "ada")
    assert datetime.fromisoformat(facts["opened_at"]) == after(0)
    assert [page["state"] for page in facts["pages"] if page["kind"] == "page"] == ["sent"]
    assert [event["text"] for event in facts["history"] if event["kind"] == "resolved"] == ["rolled back"]
    assert [level["owner"] for level in facts["chain"]["levels"]] == ["l1", "l2", "l3"]


def test_a_storm_and_what_is_in_it(used: Engine) -> None:
    found = [str(one.incident_id) for one in many(used, 4, limit=2)]
    (storm,) = ids() - set(found)

    assert found[3][:8] in said("show", storm).split("Folded in")[1]
    assert f"folded into {storm}" in said("show", found[3])
    assert "open, in a storm" in said()


def test_a_chain_at_its_end_is_said_to_be(used: Engine) -> None:
    raise_(used, signal(), chain=chain("l1"))
    for minutes in range(0, 60, 5):
        wake(used, minutes)

    assert "open, level 1 was paged, end of the chain" in said()


def test_what_leads_nowhere_is_refused(used: Engine) -> None:
    opened(used, "errors")

    assert "no incident's id begins with 00000000-" in refused("show", "00000000-")
    assert "is no id of an incident" in refused("show", "%")
    assert "is no id of an incident" in refused("show", "")


def test_a_system_that_nobody_knows_is_no_empty_list(used: Engine) -> None:
    assert "there is no system 'zetta'; there are lessay, " in refused("--system", "zetta")
    opened(used, "errors")
    assert said("--system", "shop").count("errors is [wrong]") == 1  # of a catalog that has changed since


def test_an_id_too_short_names_those_that_it_may_mean(used: Engine) -> None:
    # Seventeen ids of sixteen first letters: two share one.
    by_letter: dict[str, set[str]] = {}
    for number in range(17):
        one = opened(used, f"check-{number}")
        by_letter.setdefault(one[0], set()).add(one)
    letter, shared = max(by_letter.items(), key=lambda item: len(item[1]))

    message = refused("show", letter)

    assert f"several incidents' ids begin with {letter}" in message
    assert len(shared & set(message.replace(",", "").replace(";", "").split())) >= 2


def test_a_ledger_without_tables_or_that_does_not_answer_says_what_to_do(
    empty_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPKEEP_LEDGER_URL", empty_database.url.render_as_string(hide_password=False))
    assert "run `upkeep ledger migrate`" in refused()
    monkeypatch.setenv("UPKEEP_LEDGER_URL", "postgresql+psycopg://a:hunter2@127.0.0.1:1/b")
    gone = CliRunner().invoke(app, ["incidents"]).exception
    assert isinstance(gone, TemporaryError)
    assert "the ledger does not answer" in str(gone)
    assert "hunter2" not in str(gone)


def test_help_says_that_answers_are_given_in_airflow() -> None:
    assert "Answers are given in Airflow" in " ".join(said("--help").replace("│", " ").split())
