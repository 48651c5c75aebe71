"""The commands `upkeep catalog` and `upkeep coverage`."""

# ruff: noqa: E501  texts are compared whole

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from upkeep.catalog.coverage import Coverage
from upkeep.catalog.coverage import coverage as coverage_of
from upkeep.catalog.schema import schema_text
from upkeep.checks.registry import kinds
from upkeep.cli.catalog import app
from upkeep.cli.coverage import coverage
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from conftest import Folder

run = CliRunner().invoke
coverage_app = typer.Typer()
coverage_app.command()(coverage)


@pytest.fixture(autouse=True)
def _environment(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(folder.path))
    monkeypatch.setenv("UPKEEP_CACHE", str(folder.cache))
    monkeypatch.setenv("COLUMNS", "300")


def test_new_writes_what_check_accepts(folder: Folder) -> None:
    made = run(app, ["new", "shop"])
    assert made.exit_code == 0
    assert f"{folder.path}/shop.yaml is written" in made.stdout
    checked = run(app, ["check"])
    assert checked.exit_code == 0
    assert "0 errors, 4 warnings" in checked.stderr
    again = run(app, ["new", "shop"])
    assert isinstance(again.exception, ConfigurationError)


def test_check_prints_each_mistake_on_a_line_and_fails(folder: Folder) -> None:
    good = folder.add("bank")
    bad = folder.add("shop", ("cadence: daily", "cadence: hourly"), ("timezone: UTC", "timezone: Mars"))
    checked = run(app, ["check"])
    assert checked.exit_code == 1
    lines = [line for line in checked.stdout.splitlines() if "(warning)" not in line]
    assert lines == [
        f"{bad}:8:11: timezone: there is no time zone 'Mars', write an IANA name such as Europe/Berlin",
        f"{bad}:83:14: routines[0].cadence: 'hourly' is not allowed here, "
        "write one of daily, weekly, monthly, quarterly, backup, recovery, drill",
    ]
    assert "2 errors, 4 warnings" in checked.stderr
    assert run(app, ["check", str(good)]).exit_code == 0
    assert run(app, ["check", str(good), str(bad)]).exit_code == 1
    assert run(app, ["check", str(folder.path / "none.yaml")]).exit_code == 1


def test_list_shows_what_is_in_force(folder: Folder) -> None:
    folder.add("shop")
    listed = run(app, ["list"])
    assert listed.exit_code == 0
    assert "shop_daily_review" in listed.stdout
    assert "0 9 * * * (UTC)" in listed.stdout


def test_kinds_lists_each_with_its_parameters() -> None:
    listed = run(app, ["kinds"])
    assert listed.exit_code == 0
    assert all(name in listed.stdout for name in kinds())
    assert "metrics (default" in listed.stdout


def test_schema_is_written_beside_the_systems(folder: Folder) -> None:
    assert run(app, ["schema"]).exit_code == 0
    assert (folder.path / "schema.json").read_text() == schema_text()


def test_coverage_shows_the_task_behind_each_duty(folder: Folder) -> None:
    folder.add(
        "shop",
        (
            "parameters: {metrics: [error_ratio]}",
            "parameters: {metrics: [error_ratio]}\n        also_serves: [shop/alert/rules, shop/daily/dashboards]",
        ),
        (
            "duties:\n",
            "duties:\n  - {id: shop/alert/rules, what: The rules}\n  - {id: shop/weekly/review, what: Later}\n",
        ),
    )
    assert coverage_of(folder.catalog()) == [
        Coverage("shop/alert/rules", "The rules", "shop_daily_review", "error_rates"),
        Coverage("shop/weekly/review", "Later", None, None),
        Coverage(
            "shop/daily/error-rates",
            "Share of failed requests against its limits",
            "shop_daily_review",
            "error_rates",
        ),
        # Served by another task too, but this one is made for it.
        Coverage(
            "shop/daily/dashboards", "The numbers behind the dashboards", "shop_daily_review", "dashboards"
        ),
    ]
    table = run(coverage_app, []).stdout
    assert "│ shop/weekly/review     │ —" in table
    assert "3 of 4 duties have a task" in table
    missing = run(coverage_app, ["--missing"]).stdout
    assert "shop/weekly/review" in missing
    assert "shop/alert/rules" not in missing
    assert json.loads(run(coverage_app, ["--format", "json"]).stdout) == [
        {"id": "shop/alert/rules", "dag_id": "shop_daily_review", "task_id": "error_rates"},
        {"id": "shop/daily/error-rates", "dag_id": "shop_daily_review", "task_id": "error_rates"},
        {"id": "shop/daily/dashboards", "dag_id": "shop_daily_review", "task_id": "dashboards"},
    ]
