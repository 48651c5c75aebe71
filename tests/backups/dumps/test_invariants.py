"""What was restored says what it must, or it is told what does not hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dumped_shop import expected_rows, fill

from upkeep.backups.dumps.invariants import Assertion, Newest, invariants
from upkeep.backups.dumps.marks import databases
from upkeep.backups.model import Level
from upkeep.errors import TemporaryError

pytestmark = pytest.mark.integration
NEWEST = "SELECT max(at) FROM orders"
BACKUP_AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def restored(server):
    """A shop to damage."""
    target = server.at("shop_damaged")
    fill(target)
    yield target
    databases(server).drop(target.database)


def problems(target, **what):
    proof = invariants(target, **what)
    assert proof.level is Level.INVARIANTS
    assert proof.holds == (not proof.problems)
    return list(proof.problems)


def test_all_hold(server):
    proof = invariants(
        server,
        assertions=[
            Assertion("customers", "SELECT count(*) FROM customers", "70"),
            Assertion("nothing", "SELECT max(a) FROM (SELECT 1 AS a) AS x WHERE a > 1", "NULL"),
        ],
        expected_rows=expected_rows(server),
        newest=Newest(NEWEST, BACKUP_AT, timedelta(minutes=60)),
    )
    assert list(proof.problems) == []
    assert proof.evidence["foreign_keys"] == 1
    assert proof.evidence["rows"] == sum(expected_rows(server).values())
    assert proof.evidence["newest"].startswith("2026-03-01T02:59:00")


def test_rows_that_are_missing_and_tables_that_are(restored):
    with restored.session() as session:
        session.run("DELETE FROM orders WHERE id = 5")
        session.run("DROP TABLE pictures")
    found = problems(restored, expected_rows=expected_rows(restored))
    assert len(found) == 2
    assert found[0].endswith("orders has 1,999 rows; it had 2,000 at backup time")
    assert "pictures" in found[1]


def test_assertions_that_do_not_hold_or_cannot_be_asked(restored):
    assertions = [
        Assertion("wrong", "SELECT count(*) FROM customers", "71"),
        Assertion("many", "SELECT id FROM customers", "1"),
        Assertion("broken", "SELEC", "1"),
        Assertion("writes", "DELETE FROM orders", "0"),
        Assertion("commits and writes", "CREATE TABLE new (a INT)", "0"),
        Assertion("right", "SELECT 1", "1"),
    ]
    found = problems(restored, assertions=assertions)
    assert [text.split(":")[0] for text in found] == [
        f"assertion {one.name!r}" for one in assertions if one.name != "right"
    ]
    assert "it answered '70', not '71'" in found[0]
    with restored.session() as session:
        assert session.value("SELECT count(*) FROM orders") == 2000


def test_an_assertion_that_takes_too_long(server):
    sleep = "SELECT SLEEP(30)" if server.engine == "mysql" else "SELECT pg_sleep(30)"
    started = datetime.now(UTC)
    found = problems(server, assertions=[Assertion("slow", sleep, "0")], foreign_keys=False, seconds=0.5)
    assert len(found) == 1
    assert datetime.now(UTC) - started < timedelta(seconds=15)


def test_rows_without_their_parent(restored):
    with restored.session() as session:
        if restored.engine == "mysql":
            session.run("SET foreign_key_checks = 0")
        else:
            session.run("SET session_replication_role = replica")
        session.run("DELETE FROM customers WHERE id IN (1, 2)")
    (found,) = problems(restored)
    assert found.startswith("foreign key orders_customer: ")
    assert "rows of orders lack a parent in customers" in found


def test_a_constraint_that_was_never_validated(postgres_server):
    fill(target := postgres_server.at("shop_damaged"))
    with target.session() as session:
        session.run("ALTER TABLE orders ADD CONSTRAINT recent CHECK (at > '2026-01-01') NOT VALID")
    assert problems(target) == ["constraint recent of orders was never validated"]
    databases(target).drop("shop_damaged")


def test_a_backup_whose_rows_are_older_than_may_be_lost(server):
    ok = Newest(NEWEST, BACKUP_AT, timedelta(minutes=1))
    assert problems(server, newest=ok) == []
    old = Newest(NEWEST, BACKUP_AT + timedelta(hours=5), timedelta(minutes=60))
    (found,) = problems(server, newest=old)
    assert "301 minutes before the backup; at most 60 may be lost" in found
    empty = Newest("SELECT max(at) FROM orders WHERE id < 0", BACKUP_AT, timedelta(minutes=60))
    assert "must answer a time" in problems(server, newest=empty)[0]


def test_a_server_that_is_away_is_no_damage(server):
    from dataclasses import replace

    with pytest.raises(TemporaryError):
        invariants(replace(server, port=1))
