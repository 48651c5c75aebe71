"""The watchdog as a task: what it cannot ask keeps it from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.airflow.shop import SHOP
from tests.servers.known_shop import known_shop

from upkeep.errors import TemporaryError
from upkeep.ledger import incident_reads, watch
from upkeep.ledger.incident_reads import Which
from upkeep.operators.watchdog import Reconcile


@pytest.fixture(autouse=True)
def _known(ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shop whose file is broken, a ledger, and no Airflow behind the connection to it."""
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_AIRFLOW", "http://u:p@127.0.0.1:1")
    with known_shop(SHOP.replace("above: 1 %", "above: 500 ms"), ledger, tmp_path, monkeypatch):
        yield


def test_without_airflows_api_the_rest_is_raised_and_the_task_fails(ledger: Engine) -> None:
    with pytest.raises(TemporaryError, match="does not answer"):
        Reconcile(task_id="reconcile").execute({})  # type: ignore[typeddict-item]

    [found] = incident_reads.incidents(ledger, Which())
    assert found.issue_type == "catalog_broken"
    assert watch.good_at(ledger, "watchdog") is None
