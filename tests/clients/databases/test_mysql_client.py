"""The MySQL client against a real MariaDB."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from upkeep.clients import sql
from upkeep.clients.mysql import MySql, _replication, connector
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError


@pytest.fixture
def server(to_maria):
    return MySql(to_maria, timeout_seconds=5)


@pytest.mark.integration
class TestMariaDb:
    def test_connections_are_counted_against_the_most(self, server, to_maria):
        before = server.connections()
        with closing(to_maria()), closing(to_maria()):
            now = server.connections()
        assert now.used == before.used + 2
        assert 0 < now.used <= now.most_used <= now.maximum
        assert now.used_ratio == now.used / now.maximum

    def test_status_and_variables(self, server):
        assert int(server.status()["Uptime"]) >= 0
        assert "version" in server.variables()

    def test_slow_queries_are_counted(self, server, to_maria):
        before = server.slow_queries()
        with closing(to_maria()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SET SESSION long_query_time = 0.01")
            cursor.execute("SELECT SLEEP(0.05)")
            cursor.fetchall()
        after = server.slow_queries()
        assert after.count == before.count + 1
        assert after.uptime_seconds >= before.uptime_seconds
        assert after.threshold_seconds > 0

    def test_sizes_of_databases(self, server, maria):
        sizes = server.database_sizes()
        assert maria.name in {one.name for one in sizes}
        assert not {"mysql", "information_schema"} & {one.name for one in sizes}
        assert all(one.total_bytes == one.data_bytes + one.index_bytes for one in sizes)
        assert next(one for one in sizes if one.name == maria.name).total_bytes > 0

    def test_a_server_that_follows_nobody(self, server):
        assert server.replication() == []

    def test_processes_without_secrets_and_without_ourselves(self, server, to_maria, eventually):
        with closing(to_maria()) as connection:

            def sleep():
                with closing(connection.cursor()) as cursor:
                    cursor.execute("SELECT SLEEP(1), 'password=hunter2'")
                    cursor.fetchall()

            thread = threading.Thread(target=sleep)
            thread.start()
            try:
                found = eventually(
                    lambda: [p for p in server.processes() if p.query and "SLEEP" in p.query], "the query", 5
                )
            finally:
                thread.join()
        assert len(found) == 1
        assert found[0].command == "Query"
        assert "hunter2" not in found[0].query

    def test_ping(self, server):
        server.ping()

    def test_a_statement_is_ended_by_the_server(self, to_maria, queries):
        columns = "information_schema.columns"
        queries("mysql/slow", f"SELECT COUNT(*) AS n FROM {columns} a, {columns} b, {columns} c")
        started = time.monotonic()
        with pytest.raises(TemporaryError, match="max_statement_time"):
            MySql(to_maria, timeout_seconds=0.3)._run("slow")
        assert time.monotonic() - started < 3

    def test_wrong_password_and_database(self, maria):
        wrong = connector("127.0.0.1", maria.port, maria.user, "hunter2", timeout_seconds=5)
        with pytest.raises(ConfigurationError, match="Access denied") as caught:
            MySql(wrong, name="shop-mysql").connections()
        assert "hunter2" not in str(caught.value)
        assert "shop-mysql" in str(caught.value)
        nowhere = connector("127.0.0.1", maria.port, maria.user, maria.password, "nowhere", timeout_seconds=5)
        with pytest.raises(ConfigurationError, match="nowhere"):
            MySql(nowhere).ping()

    def test_parameters_are_bound_not_pasted(self, to_maria, queries):
        queries("mysql/echo_text", "SELECT %(text)s AS text")
        text = "'; DROP TABLE x; -- %s \\"
        with closing(to_maria()) as connection:
            assert sql.run(connection, "mysql", "echo_text", {"text": text}) == [{"text": text}]

    def test_a_query_that_is_wrong_is_permanent(self, to_maria, queries):
        queries("mysql/broken", "SELEKT 1")
        with (
            pytest.raises(PermanentError, match="syntax"),
            sql.session(to_maria, "MySQL", 5) as connection,
        ):
            sql.run(connection, "mysql", "broken")


def test_refused_and_hanging_are_temporary(closed_port, hanging_port):
    with pytest.raises(TemporaryError, match="MySQL"):
        MySql(connector("127.0.0.1", closed_port, "ann", "x")).ping()
    started = time.monotonic()
    with pytest.raises(TemporaryError):
        MySql(connector("127.0.0.1", hanging_port, "ann", "x", timeout_seconds=1)).ping()
    assert time.monotonic() - started < 4


def test_a_query_that_does_not_exist_is_named():
    with pytest.raises(ConfigurationError, match=r"nothing\.sql"):
        sql.load("mysql", "nothing")


def row(**values):
    known = {"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Master_Host": "db", "Master_Port": 3306}
    return {**known, "Seconds_Behind_Master": 3, "Last_IO_Error": "", "Last_SQL_Error": "", **values}


def test_replication_as_mariadb_and_as_mysql_say_it():
    following = _replication(row())
    assert (following.lag_seconds, following.problem, following.source) == (3, None, "db:3306")
    new = {
        "Replica_IO_Running": "Yes",
        "Replica_SQL_Running": "Yes",
        "Source_Host": "db",
        "Source_Port": 3306,
        "Seconds_Behind_Source": 7,
        "Channel_Name": "main",
    }
    assert (_replication(new).lag_seconds, _replication(new).channel) == (7, "main")


def test_replication_that_stopped_has_no_lag_but_a_reason():
    broken = _replication(row(Slave_SQL_Running="No", Last_SQL_Error="Duplicate entry"))
    assert (broken.lag_seconds, broken.problem) == (None, "Duplicate entry")
    stopped = _replication(row(Slave_IO_Running="No", Seconds_Behind_Master=None))
    assert (stopped.lag_seconds, stopped.receiving) == (None, False)
    assert "not running" in stopped.problem


def test_a_server_without_the_numbers_is_a_bad_answer(monkeypatch):
    server = MySql(lambda: None)
    monkeypatch.setattr(server, "_run", lambda name: [{"Variable_name": "Uptime", "Value": "long"}])
    with pytest.raises(BadAnswer, match="Threads_connected"):
        server.connections()
