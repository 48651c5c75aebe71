"""Plans: everything that a DAG needs, as plain values, and pages that help someone at 03:00."""

# ruff: noqa: E501  texts are compared whole

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from upkeep.catalog.check import check_file
from upkeep.catalog.plans import RoutinePlan, plan_routines
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register

if TYPE_CHECKING:
    from conftest import Folder


def plan(folder: Folder, *changes: tuple[str, str]) -> RoutinePlan:
    system, _ = check_file(folder.add("my-shop", *changes))
    assert system is not None
    (only,) = plan_routines("my-shop", system)
    return only


def test_a_plan_holds_all_that_a_dag_needs(folder: Folder) -> None:
    values = dataclasses.asdict(plan(folder))
    assert values.pop("doc_md").startswith("# My shop: Morning review\n")
    tasks = values.pop("tasks")
    assert values == {
        "dag_id": "my-shop_daily_review",
        "system": "my-shop",
        "routine": "daily_review",
        "title": "My shop: Morning review",
        "cadence": "daily",
        "schedule": "0 9 * * *",
        "timezone": "UTC",
        "interval_minutes": 1440,
        "interval_months": 0,
        "owner": "oncall",
        "owner_links": {"oncall": "mailto:oncall@my-shop.example"},
        "tags": ["cadence:daily", "owner:oncall", "system:my-shop"],
        "deadline_seconds": 1800.0,
        "timeout_seconds": 900.0,
        "retries": 2,
        "delay_seconds": 30.0,
        "longest_delay_seconds": 300.0,
        "fail_on": ["critical"],
        "pool": "upkeep_my-shop",
    }
    assert tasks[0].pop("doc_md").startswith("# Error rates\n")
    assert tasks[0] == {
        "task_id": "error_rates",
        "kind": "metrics",
        "reads": "history",
        "parameters": {"metrics": ["error_ratio"]},
        "serves": ["my-shop/daily/error-rates"],
        "procedure_id": "my-shop/daily/error-rates",
        "after": [],
        "stages": [],
        "fields": [],
    }


def test_a_plan_is_plain_json(folder: Folder) -> None:
    values = dataclasses.asdict(plan(folder))
    assert json.loads(json.dumps(values, allow_nan=False)) == values


@pytest.mark.parametrize(
    ("cadence", "schedule", "interval"),
    [
        ("daily", "0 9 * * *", (1440, 0)),
        ("weekly", "0 9 * * 1", (10080, 0)),
        ("monthly", "0 9 1 * *", (0, 1)),
        ("quarterly", "0 9 1 1,4,7,10 *", (0, 3)),
    ],
)
def test_the_data_interval_follows_the_cadence(
    folder: Folder, cadence: str, schedule: str, interval: tuple[int, int]
) -> None:
    made = plan(folder, ("cadence: daily", f"cadence: {cadence}"), ("0 9 * * *", schedule))
    assert (made.interval_minutes, made.interval_months) == interval


def test_an_owners_link_is_preferred_and_none_is_needed(folder: Folder) -> None:
    link = ("    email: oncall@my-shop.example\n", "    link: https://wiki.example/oncall\n")
    assert plan(folder, link).owner_links == {"oncall": "https://wiki.example/oncall"}
    assert plan(folder, ("    email: oncall@my-shop.example\n", "")).owner_links == {}


def test_a_routine_may_have_a_zone_of_its_own(folder: Folder) -> None:
    zone = ("    cadence: daily\n", "    cadence: daily\n    timezone: Europe/Berlin\n")
    made = plan(folder, zone)
    assert made.timezone == "Europe/Berlin"
    assert "`0 9 * * *` in Europe/Berlin" in made.doc_md


def test_the_page_tells_what_the_reader_at_night_needs(folder: Folder) -> None:
    page = plan(folder).doc_md
    for said in (
        "Shows before the day begins whether the system is well.",
        "Due within 30 min of its\n  time",
        "**Owner**: On-call engineer (oncall@my-shop.example).",
        "**A task fails** when a finding is critical",
        "### Error rates (`error_rates`)",
        "  - Share of requests answered with 5xx: critical > 1 % for 5 min; warning > 0.5 % for 5 min",
        "  - Instances that answer: critical \\< 1 for 1 min",
        "It reads history, so a backfill tells the truth about the past.",
        "1. Open the report of this run;",
        "1. On-call engineer (oncall@my-shop.example), by slack and email; the next level after 15 min",
        "2. Team lead (team-lead@my-shop.example), by slack and email\n",
        "- [Overview](https://grafana.my-shop.example/d/overview): Whether all is well",
        "### High error rate\n\n- Symptom: More than 1 % of requests are answered with 5xx",
        "- Resolve: Roll back if it began with a deployment",
        "## Backfill and ad-hoc runs",
    ):
        assert said in page
    # Airflow would take a page that ends like this for the name of a file.
    assert not page.strip().endswith(".md")


def test_what_looks_like_html_is_shown_and_code_is_left_alone(folder: Folder) -> None:
    steps = (
        "      - Open the report of this run;",
        "      - kubectl describe pod <pod>, or `kubectl logs <pod>`;",
    )
    assert "1. kubectl describe pod \\<pod>, or `kubectl logs <pod>`;" in plan(folder, steps).doc_md


def test_which_states_fail_a_task(folder: Folder) -> None:
    for states, said in (
        ("[critical, unknown]", "when a finding is critical or unknown"),
        ("[]", "only when it cannot"),
    ):
        outcome = (
            "    owner: oncall\n    # Counted",
            f"    owner: oncall\n    outcome: {{fail_on: {states}}}\n    # Counted",
        )
        assert f"**A task fails** {said}" in plan(folder, outcome).doc_md


class Days(Parameters):
    """Parameters with a default."""

    warn_days: int = 30
    endpoints: tuple[str, ...] = ()
    kubernetes: bool = False


@pytest.mark.usefixtures("own_kinds")
def test_defaults_in_force_and_everything_looked_at_by_default_are_shown(folder: Folder) -> None:
    def certificates(context: CheckContext, parameters: Days) -> Iterable[Check]:
        """Certificates before they expire."""
        return ()

    register("certificates", reads=Reads.PRESENT, parameters=Days)(certificates)
    made = plan(
        folder,
        ("kind: dashboards}", "kind: certificates}"),
        ("\nmetrics:", "\ntls: {web: {host: a.example}}\nmetrics:"),
    )
    page = made.tasks[1].doc_md
    assert made.tasks[1].reads == "present"
    assert "- Settings: warn days: `30`\n" in page
    assert "  - the certificate of `a.example:443`" in page
    assert "It reads what is there now, so a backfill skips it and says so." in page


def test_two_processes_make_the_same_plans(folder: Folder) -> None:
    path = folder.add("my-shop")
    script = (
        "import sys, dataclasses, json; from pathlib import Path; from upkeep.catalog.check import check_file;"
        "from upkeep.catalog.plans import plan_routines;"
        "plans = plan_routines('my-shop', check_file(Path(sys.argv[1]))[0]);"
        "print(json.dumps([dataclasses.asdict(plan) for plan in plans]))"
    )
    printed = {
        subprocess.check_output(
            [sys.executable, "-c", script, str(path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        for seed in ("1", "2")
    }
    assert len(printed) == 1
