"""What a worker rehearses leaves nothing behind, and is not for real whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from tests.servers.ledger import ledger, postgres_server

from upkeep.clients.endpoint import Endpoint, get_json, make_client
from upkeep.errors import TemporaryError, UpkeepError
from upkeep.executors import preload, rehearsal
from upkeep.executors.stand_in import stand_in
from upkeep.ledger import tables
from upkeep.operators.ledger import ledger_engine

__all__ = ["ledger", "postgres_server"]

pytestmark = pytest.mark.integration


@pytest.fixture
def engine(ledger: Engine) -> Iterator[Engine]:
    """One as workers have: it keeps its connections."""
    made = create_engine(ledger.url, pool_size=2, pool_pre_ping=True)
    yield made
    made.dispose()


def rows(engine: Engine) -> dict[str, int]:
    """Return how many rows the ledger's own tables have."""
    with engine.connect() as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(table))
            for name, table in tables.Base.metadata.tables.items()
        }
    return {name: count for name, count in counts.items() if count}


def partitions(engine: Engine) -> int:
    with engine.connect() as connection:
        counted = text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'measurements'::regclass")
        return int(connection.scalar(counted) or 0)


def test_nothing_is_written_and_no_connection_stays(engine: Engine, ledger: Engine) -> None:
    before = partitions(ledger)
    rehearsal.rehearse_run(engine)
    assert "Connections in pool: 0" in engine.pool.status()
    assert (rows(ledger), partitions(ledger)) == ({}, before)
    rehearsal.rehearse_run(engine)  # by the next worker
    assert rows(ledger) == {}


def test_its_functions_do_what_they_do_for_real(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would rehearse nothing: what is written is found again before it is gone."""
    seen: list[dict[str, int]] = []
    plan = rehearsal.digests.plan

    def last(engine: Engine, dag_id: str, run_id: str) -> None:
        plan(engine, dag_id, run_id)
        seen.append(rows(engine))

    monkeypatch.setattr(rehearsal.digests, "plan", last)
    rehearsal.rehearse_run(engine)
    assert seen == [{"runs": 1, "findings": 4, "measurements": 3, "reports": 1, "digests": 1}]


def test_a_connection_that_is_lost_half_way_is_not_replaced(
    engine: Engine, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one would have none of the temporary tables, and write to the ledger's own."""
    run = rehearsal._run

    def run_when_it_is_lost(engine: Engine, now: datetime) -> None:
        with engine.connect() as connection:
            pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with ledger.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        run(engine, now)

    monkeypatch.setattr(rehearsal, "_run", run_when_it_is_lost)
    with pytest.raises(TemporaryError, match="was lost"):
        rehearsal.rehearse_run(engine)
    assert rows(ledger) == {}


def test_behind_a_pooler_nothing_is_rehearsed(
    engine: Engine, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others would find the temporary tables there. PgBouncer tells its clients a process id of its own."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)
    with pytest.raises(TemporaryError, match="pooler"):
        rehearsal.rehearse_run(engine)
    with ledger.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_class WHERE relpersistence = 't'")) == 0


def test_a_worker_without_a_ledger_starts_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_UPKEEP_LEDGER", "postgresql://nobody:secret@127.0.0.1:1/none")
    ledger_engine.cache_clear()
    with caplog.at_level("INFO"):
        preload._rehearse()
    assert "_rehearse_ledger: the ledger does not answer" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(UpkeepError):
        rehearsal.rehearse_run(ledger_engine())
    ledger_engine.cache_clear()


def test_a_client_that_keeps_its_connection_does_not_hold_up_the_worker() -> None:
    before = threading.enumerate()
    with stand_in() as url:
        keeps = make_client(Endpoint(url))
        assert get_json(keeps, "/api/v1/query")["status"] == "success"
    assert threading.enumerate() == before
    keeps.close()


def test_the_questions_are_answered_and_no_thread_is_left() -> None:
    """A fork beside a living thread could inherit what that thread has locked."""
    before = threading.enumerate()
    rehearsal.rehearse_questions()
    assert threading.enumerate() == before
