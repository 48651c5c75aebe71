"""The PostgreSQL client against a real PostgreSQL."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing

import pytest

from upkeep.clients import sql
from upkeep.clients.postgres import Postgres, connector
from upkeep.errors import ConfigurationError, TemporaryError


@pytest.fixture
def server(to_pg):
    return Postgres(to_pg, timeout_seconds=5)


def execute(connection, query):
    with closing(connection.cursor()) as cursor:
        cursor.execute(query)


@pytest.mark.integration
class TestPostgres:
    def test_connections_by_state(self, server, to_pg, eventually):
        with closing(to_pg()) as one, closing(to_pg()):
            execute(one, "SELECT 1")
            found = server.connections()
            assert found.by_state["idle in transaction"] >= 1
            assert found.by_state["idle"] >= 1
            assert found.by_state["active"] >= 1
            assert found.used == sum(found.by_state.values())
            assert 0 < found.used_ratio < 1

    def test_sizes(self, server, pg):
        sizes = {one.name: one.total_bytes for one in server.database_sizes()}
        assert sizes[pg.name] > 1_000_000

    def test_a_primary_without_replicas(self, server):
        found = server.replication()
        assert not found.is_standby
        assert found.lag_seconds is None
        assert found.replicas == ()

    def test_who_blocks_whom(self, server, to_pg, eventually):
        with closing(to_pg()) as holder, closing(to_pg()) as waiter:
            execute(holder, "SELECT pg_advisory_xact_lock(42)")
            holder_pid = holder.info.backend_pid
            wait = threading.Thread(target=lambda: execute(waiter, "SELECT pg_advisory_xact_lock(42)"))
            wait.start()
            try:
                [blocked] = eventually(server.blocked, "the blocked session", 10)
            finally:
                holder.rollback()
                wait.join(10)
            assert blocked.blocked_by == (holder_pid,)
            assert blocked.pid == waiter.info.backend_pid
            assert blocked.waited_seconds >= 0
            assert "advisory" in blocked.query
        assert server.blocked() == []

    def test_the_oldest_transaction(self, server, to_pg):
        assert server.oldest_transaction() is None
        with closing(to_pg()) as one, closing(to_pg()) as two:
            execute(one, "SELECT 'password=hunter2'")
            execute(two, "SELECT 2")
            found = server.oldest_transaction()
            assert found.pid == one.info.backend_pid
            assert found.state == "idle in transaction"
            assert found.age_seconds >= 0
            assert "hunter2" not in found.query

    def test_statement_statistics_or_the_reason_why_not(self, server, to_pg):
        with closing(to_pg()) as connection:
            for _ in range(3):
                execute(connection, "SELECT count(*) AS counted_for_the_test FROM generate_series(1, 100000)")
        found = server.top_statements(50)
        if found.problem is None:
            [ours] = [s for s in found.statements if "counted_for_the_test" in s.query]
            assert ours.calls >= 3
            assert ours.rows >= 3
            assert ours.total_seconds >= ours.mean_seconds > 0
            totals = [s.total_seconds for s in found.statements]
            assert totals == sorted(totals, reverse=True)
            assert len(server.top_statements(1).statements) == 1
        else:
            assert "pg_stat_statements" in found.problem
            assert found.statements == ()

    def test_without_the_extension_the_reason_is_given(self, pg):
        elsewhere = connector("127.0.0.1", pg.port, pg.user, pg.password, "postgres", timeout_seconds=5)
        found = Postgres(elsewhere).top_statements()
        assert found.statements == ()
        assert "pg_stat_statements" in found.problem

    def test_latency(self, server):
        assert 0 < server.latency_seconds() < 1

    def test_a_statement_is_ended_by_the_server(self, to_pg, queries):
        queries("postgres/slow", "SELECT pg_sleep(30)")
        started = time.monotonic()
        with pytest.raises(TemporaryError, match="timeout"):
            Postgres(to_pg, timeout_seconds=0.3)._run("slow")
        assert time.monotonic() - started < 3

    def test_a_server_that_hangs_in_a_query_is_cut_off(self, to_pg, queries):
        # The server is told to ignore the limit, as if it had stopped.
        queries("postgres/slow", "SELECT set_config('statement_timeout', '0', true), pg_sleep(0)")
        queries("postgres/slower", "SELECT pg_sleep(30)")
        started = time.monotonic()

        def ask():
            with Postgres(to_pg, timeout_seconds=0.5)._session() as connection:
                sql.run(connection, "postgres", "slow")
                sql.run(connection, "postgres", "slower")

        with pytest.raises(TemporaryError):
            ask()
        assert time.monotonic() - started < 5

    def test_nothing_can_be_changed(self, to_pg, queries):
        queries("postgres/change", "CREATE TABLE never (n int)")
        with pytest.raises(Exception, match="read-only"):
            Postgres(to_pg)._run("change")

    def test_wrong_password_and_database(self, pg):
        wrong = connector("127.0.0.1", pg.port, pg.user, "hunter2", pg.name)
        with pytest.raises(ConfigurationError, match="authentication failed") as caught:
            Postgres(wrong, name="shop-postgres").connections()
        assert "hunter2" not in str(caught.value)
        assert "shop-postgres" in str(caught.value)
        nowhere = connector("127.0.0.1", pg.port, pg.user, pg.password, "nowhere")
        with pytest.raises(ConfigurationError, match="nowhere"):
            Postgres(nowhere).connections()

    def test_no_connection_is_left(self, server, to_pg, eventually):
        before = server.connections().used
        for _ in range(5):
            server.blocked()
        eventually(lambda: server.connections().used <= before, "the connections to be closed", 5)
        assert len(os.listdir("/proc/self/fd")) < 1000


def test_refused_and_hanging_are_temporary(closed_port, hanging_port):
    with pytest.raises(TemporaryError, match="refused"):
        Postgres(connector("127.0.0.1", closed_port, "ann", "x", "shop")).blocked()
    started = time.monotonic()
    with pytest.raises(TemporaryError):
        Postgres(connector("127.0.0.1", hanging_port, "ann", "x", "shop", timeout_seconds=1)).blocked()
    assert time.monotonic() - started < 5
