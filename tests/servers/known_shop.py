"""A shop in the catalog and its ledger, as a task finds them: for code that asks Airflow for both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from upkeep.operators.ledger import ledger_engine


@contextmanager
def known_shop(text: str, ledger: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `shop.yaml` have this text, and `upkeep_ledger` lead to the ledger, until the block ends."""
    systems = folder / "systems"
    systems.mkdir()
    (systems / "shop.yaml").write_text(text)
    url = ledger.url
    connection = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": url.username,
                  "password": str(url.password), "schema": url.database}  # fmt: skip
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(systems))
    monkeypatch.setenv("UPKEEP_CACHE", str(folder / "cache"))
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_LEDGER", json.dumps(connection))
    ledger_engine.cache_clear()
    yield
    ledger_engine().dispose()
    ledger_engine.cache_clear()
