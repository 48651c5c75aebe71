"""`upkeep ledger` on a real database."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from upkeep.cli import app
from upkeep.errors import ConfigurationError
from upkeep.ledger import partitions

runner = CliRunner()


def use(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setenv("UPKEEP_LEDGER_URL", engine.url.render_as_string(hide_password=False))


def test_migrate_says_where_the_ledger_was_and_is(
    empty_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, empty_database)

    first = runner.invoke(app, ["ledger", "migrate"]).stdout
    newest = re.fullmatch(r"the ledger is at (\d{4}) \(was empty\)\n", first)
    assert newest
    assert runner.invoke(app, ["ledger", "migrate"]).stdout == f"the ledger is at {newest[1]}\n"


def test_prune_only_says_what_it_would_drop_unless_told_to(
    ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, ledger)
    old = datetime.now(UTC) - timedelta(days=800)
    with ledger.begin() as connection:
        partitions.ensure(connection, [old])
    name = f"measurements_{old:%Y_%m}"

    assert f"would drop {name}" in runner.invoke(app, ["ledger", "prune"]).stdout
    assert f"dropped {name}" in runner.invoke(app, ["ledger", "prune", "--yes"]).stdout
    assert "nothing is older than 24 months" in runner.invoke(app, ["ledger", "prune"]).stdout


def test_a_url_that_is_none_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPKEEP_LEDGER_URL", "hunter2 is no url")

    failed = runner.invoke(app, ["ledger", "migrate"])

    assert isinstance(failed.exception, ConfigurationError)
    assert "hunter2" not in str(failed.exception)
