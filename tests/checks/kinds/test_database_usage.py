"""resource_usage's view of a database, against real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.parts.mariadb import MAX_CONNECTIONS
from servers.bad import hanging, refusing, saying
from servers.databases import Database, mysql, postgresql
from servers.situation import Remembered, ask, checks_of, make_context, make_system, states
from upkeep.checks.context import CheckContext, Measurement
from upkeep.clients import mysql as mysql_client
from upkeep.clients import postgres as postgres_client
from upkeep.findings import State

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def maria() -> Iterator[Database]:
    with mysql() as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[Database]:
    with postgresql() as running:
        yield running


def maria_context(port: int, user: str = "", password: str = "", **more: Any) -> CheckContext:
    connect = mysql_client.connector("127.0.0.1", port, user, password, timeout_seconds=2)
    system = make_system(**more.pop("parts", {}))
    return make_context(system, as_of=NOW, mysql=mysql_client.MySql(connect, 2), **more)


def postgres_context(
    port: int, user: str = "", password: str = "", name: str = "", **more: Any
) -> CheckContext:
    connect = postgres_client.connector("127.0.0.1", port, user, password, name, timeout_seconds=2)
    return make_context(make_system(), as_of=NOW, postgres=postgres_client.Postgres(connect, 2), **more)


def of(database: Database, **more: Any) -> CheckContext:
    return maria_context(database.port, database.user, database.password, **more)


def test_a_quiet_mysql_is_well(maria: Database) -> None:
    found = ask("resource_usage", of(maria), database="mysql")
    assert set(states(found).values()) == {State.OK}
    assert set(found) == {
        "mysql_server_connections",
        "mysql_server_slow_queries",
        "mysql_server_replication",
        "mysql_server_size{database=tasks_db}",
    }
    assert found["mysql_server_connections"].evidence["maximum"] == MAX_CONNECTIONS
    assert found["mysql_server_connections"].unit == "ratio"


def test_connections_that_run_out(maria: Database) -> None:
    connect = mysql_client.connector("127.0.0.1", maria.port, maria.user, maria.password)
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS * 85 // 100):
            stack.enter_context(closing(connect()))
        found = ask("resource_usage", of(maria), database="mysql", connections_critical_ratio=0.99)
        warned = found["mysql_server_connections"]
        found = ask("resource_usage", of(maria), database="mysql", connections_critical_ratio=0.82)
    assert (warned.state, warned.limit) == (State.WARNING, "> 80 %")
    assert found["mysql_server_connections"].state is State.CRITICAL


def test_slow_queries_new_since_the_last_review(maria: Database) -> None:
    connect = mysql_client.connector("127.0.0.1", maria.port, maria.user, maria.password)
    first = ask("resource_usage", of(maria), database="mysql")["mysql_server_slow_queries"]
    with closing(connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT SLEEP(0.3)")
        cursor.fetchall()
    yesterday = Measurement(NOW - timedelta(days=1), first.value or 0)
    remembered = Remembered({"mysql_server_slow_queries": [yesterday]})
    found = ask("resource_usage", of(maria, history=remembered), database="mysql")[
        "mysql_server_slow_queries"
    ]
    assert found.evidence["new"] == 1
    assert "200 ms" in found.summary


@pytest.mark.parametrize(("share", "state"), [(1.0, State.OK), (0.5, State.WARNING)])
def test_growth_against_what_the_catalog_expects(maria: Database, share: float, state: State) -> None:
    name = "mysql_server_size{database=tasks_db}"
    size = ask("resource_usage", of(maria), database="mysql")[name].value or 0
    past = Remembered({name: [Measurement(NOW - timedelta(days=30), size * share)]})
    parts = {"capacity": {"growth": {"data_monthly_ratio": 0.05}}}
    found = ask("resource_usage", of(maria, history=past, parts=parts), database="mysql")[name]
    assert found.state is state
    assert found.evidence["monthly_growth"] == ("0 %" if share == 1 else "100 %")


def test_a_quiet_postgres_is_well(postgres: Database) -> None:
    context = postgres_context(postgres.port, postgres.user, postgres.password, postgres.name)
    found = ask("resource_usage", context, database="postgres")
    slow = found.pop("postgres_server_slow_queries")
    assert slow.state in (State.OK, State.UNKNOWN)  # not every PostgreSQL has pg_stat_statements
    assert slow.reason or slow.evidence["top"]
    assert set(states(found).values()) == {State.OK}
    assert "postgres_server_size{database=zetra}" in found


def test_who_waits_for_a_lock_is_in_the_evidence(postgres: Database) -> None:
    connect = postgres_client.connector("127.0.0.1", postgres.port, postgres.user, postgres.password, "zetra")
    with closing(connect()) as holder, closing(holder.cursor()) as cursor:
        cursor.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE", {})
        context = postgres_context(postgres.port, postgres.user, postgres.password, "zetra")
        found = ask("resource_usage", context, database="postgres")["postgres_server_connections"]
    assert "LOCK TABLE" in found.evidence["oldest_transaction"][3]


@pytest.mark.parametrize("engine", ["mysql", "postgres"])
@pytest.mark.parametrize("fault", ["refuses", "hangs", "garbage"])
def test_a_bad_database_makes_everything_unknown(engine: str, fault: str) -> None:
    servers: dict[str, Callable[[], Any]] = {"refuses": refusing, "hangs": hanging}
    server = servers.get(fault) or (lambda: saying(b"\x00\x01 what?\r\n\r\n"))
    make = maria_context if engine == "mysql" else postgres_context
    with server() as port:
        context = make(port, "u", "secret-word")
        found = ask("resource_usage", context, seconds=15, database=engine)
    assert set(states(found).values()) == {State.UNKNOWN}
    assert all(finding.reason and "unexpected" not in finding.reason for finding in found.values())
    assert "secret-word" not in str(found)


def test_a_database_is_read_in_the_present() -> None:
    assert all(check.present for check in checks_of("resource_usage", maria_context(1), database="mysql"))
