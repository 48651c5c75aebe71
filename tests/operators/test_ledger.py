"""How the ledger is reached: what Airflow's connection says, of TLS too, asked for at each connect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from tests.servers.ledger import ledger, postgres_server

from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.ledger import reads
from upkeep.operators.ledger import ledger_engine

__all__ = ["ledger", "postgres_server"]

pytestmark = pytest.mark.integration

NAME = "AIRFLOW_CONN_UPKEEP_LEDGER"


@pytest.fixture
def connection(ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Give Airflow the connection to a ledger, with extras."""
    url = ledger.url

    def give(**extra: object) -> None:
        known = {"host": url.host, "port": url.port, "login": url.username, "schema": url.database}
        secret = {"conn_type": "postgres", "password": url.password, "extra": extra}
        monkeypatch.setenv(NAME, json.dumps(known | secret))

    ledger_engine.cache_clear()
    yield give
    ledger_engine().dispose()
    ledger_engine.cache_clear()


def test_an_engine_made_before_there_was_a_connection_uses_the_one_there_is(
    connection: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    engine = ledger_engine()
    with pytest.raises(ConfigurationError, match="has no connection 'upkeep_ledger'"):
        reads.run(engine, "none", "none")
    connection()
    assert reads.run(engine, "none", "none") is None
    with engine.connect() as connected:
        assert connected.scalar(text("SHOW application_name")) == "upkeep"


@pytest.mark.parametrize("extra", [{"sslmode": "require"}, {"sqlalchemy_query": {"sslmode": "require"}}])
def test_a_connection_that_asks_for_tls_is_made_with_it_or_not_at_all(
    connection: Callable[..., None], extra: dict[str, Any]
) -> None:
    connection(**extra)
    with pytest.raises(TemporaryError, match="SSL"):
        reads.run(ledger_engine(), "none", "none")
