"""The watchdog as a task: what it cannot ask keeps it from nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.airflow.shop import SHOP

from upkeep.errors import TemporaryError
from upkeep.ledger import incident_reads, watch
from upkeep.ledger.incident_reads import Which
from upkeep.operators.ledger import ledger_engine
from upkeep.operators.watchdog import Reconcile


@pytest.fixture(autouse=True)
def _known(ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shop whose file is broken, a ledger, and no Airflow behind the connection to it."""
    systems = tmp_path / "systems"
    systems.mkdir()
    (systems / "shop.yaml").write_text(SHOP.replace("above: 1 %", "above: 500 ms"))
    url = ledger.url
    connection = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": url.username,
                  "password": str(url.password), "schema": url.database}  # fmt: skip
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(systems))
    monkeypatch.setenv("UPKEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_LEDGER", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_AIRFLOW", "http://u:p@127.0.0.1:1")
    ledger_engine.cache_clear()
    yield
    ledger_engine().dispose()
    ledger_engine.cache_clear()


def test_without_airflows_api_the_rest_is_raised_and_the_task_fails(ledger: Engine) -> None:
    with pytest.raises(TemporaryError, match="does not answer"):
        Reconcile(task_id="reconcile").execute({})  # type: ignore[typeddict-item]

    [found] = incident_reads.incidents(ledger, Which())
    assert found.issue_type == "catalog_broken"
    assert watch.good_at(ledger, "watchdog") is None
