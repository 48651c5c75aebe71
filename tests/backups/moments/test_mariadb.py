"""A run restores a MariaDB to a moment by its binary log: chosen, refused, killed, damaged, rehearsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.acts.runs import Stages
from tests.backups.physical.shop import mariadb, next_second, one
from tests.servers.aws import Aws, aws
from tests.servers.cluster import until
from tests.servers.moments import (
    BINLOG,
    BUCKET,
    clients_of_mysql,
    come_to_it,
    databases,
    logging_mariadb,
    rows,
    run_of,
)
from tests.servers.situation import ask, make_context, make_system

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.keeping import copies_there
from upkeep.backups.methods import making
from upkeep.backups.physical.binlog_marks import MARK
from upkeep.backups.physical.binlog_recovery import summary
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import State
from upkeep.ledger.backups import known_backups

EMPTY = {"information_schema", "mysql", "performance_schema", "sys"}
FILES = "binlog/files/"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    with aws() as found:
        found.bucket(BUCKET)
        yield found


@pytest.fixture(scope="module")
def real() -> Iterator[DatabaseServer]:
    with logging_mariadb() as server:
        one(server, "CREATE TABLE t (id INT PRIMARY KEY)")
        yield server


@pytest.fixture(scope="module")
def empty() -> Iterator[DatabaseServer]:
    with mariadb() as server:
        one(server.at(""), "DROP DATABASE shop")
        yield server


@pytest.fixture
def drill(empty: DatabaseServer) -> Iterator[DatabaseServer]:
    """The server for recoveries, with nothing on it before and after."""
    yield empty
    for name in databases(empty) - EMPTY:
        one(empty.at(""), f"DROP DATABASE {name}")


class Shop:
    """The shop's server, its archive, and runs on both."""

    def __init__(self, ledger: Engine, cloud: Aws, real: DatabaseServer, drill: DatabaseServer) -> None:
        self.ledger, self.s3, self.real, self.drill = ledger, cloud["s3"], real, drill
        self.clients = clients_of_mysql(real, drill, self.s3)
        self.two = datetime.now(UTC)
        for key in self.keys():
            self.s3.delete_object(Bucket=BUCKET, Key=key)
        one(real, "RESET MASTER")
        one(real, "TRUNCATE TABLE t")

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [str(row["Key"]) for row in found]

    def files(self) -> list[str]:
        """Return the archived files, by the number in their name."""
        return [key.removeprefix(FILES + "mysql-bin.0000") for key in self.keys(FILES)]

    def run(self, kind: str, label: str = "20261121t140500z-1a2b3c4d", **form: Any) -> Stages:
        policy = form.pop("policy", "binlog")
        return run_of(self.ledger, self.clients, kind, parts=BINLOG, policy=policy, label=label, **form)

    def back_up(self, policy: str, label: str) -> Stages:
        run = self.run("backup", label, policy=policy)
        run.until("expire")
        return run

    def to(self, moment: datetime, **form: Any) -> Stages:
        return self.run("restore_moment", moment=moment.isoformat(), **form)


@pytest.fixture
def shop(ledger: Engine, cloud: Aws, real: DatabaseServer, drill: DatabaseServer) -> Shop:
    """A dump with one row; then two rows at `two`, none in the end; three files archived by two runs."""
    shop = Shop(ledger, cloud, real, drill)
    one(real, "INSERT INTO t VALUES (1)")
    shop.back_up("dumps", "first")
    for _ in range(2):  # the window begins with the second after the dump's
        next_second()
    one(real, "INSERT INTO t VALUES (2)")
    shop.back_up("binlog", "one")
    shop.two = next_second()
    one(real, "DELETE FROM t")
    one(real, "FLUSH BINARY LOGS")
    next_second()
    one(real, "CREATE TABLE IF NOT EXISTS later (id INT)")
    one(real, "DROP TABLE later")
    shop.back_up("binlog", "two")
    assert shop.files() == ["01", "02", "03"]
    return shop


def test_without_a_moment_the_run_says_which_there_are(shop: Shop) -> None:
    result = shop.run("restore_moment").do("plan")
    assert result.stop
    [choice] = result.findings[0].evidence["choices"]
    assert choice.endswith("from dumps-first")
    assert databases(shop.drill) == EMPTY


def test_exactly_the_rows_of_the_moment(shop: Shop) -> None:
    run = shop.to(shop.two)
    run.until("plan")
    assert run.plan.facts["files"] == ["mysql-bin.000001", "mysql-bin.000002"], "the third is not needed"
    assert databases(shop.drill) == EMPTY
    come_to_it(run)
    assert rows(shop.drill) == [1, 2]
    assert [found.state for found in run.until("verify").findings] == [State.OK]
    run.until("clean_up")
    assert databases(shop.drill) == EMPTY
    assert rows(shop.real) == []


def test_outside_the_window_both_ends_are_named(shop: Shop) -> None:
    with pytest.raises(PermanentError, match=r"What can: \S+ to \S+") as told:
        shop.to(shop.two + timedelta(hours=1)).do("plan")
    start = known_backups(shop.ledger, "shop", "dumps")[0].copy.facts["binlog"]["at"]
    assert start in str(told.value)
    with pytest.raises(PermanentError, match=f"no proven dump is that old; the oldest: {start[:19]}"):
        shop.to(shop.two - timedelta(hours=1)).do("plan")
    assert databases(shop.drill) == EMPTY


def test_a_file_that_is_missing_is_named(shop: Shop) -> None:
    shop.s3.delete_object(Bucket=BUCKET, Key=f"{FILES}mysql-bin.000002")
    with pytest.raises(PermanentError, match=r"where mysql-bin\.000002 is missing"):
        shop.to(shop.two).do("plan")
    check = shop.run("verify_backup", policy="binlog", backup="binlog-two")
    assert (
        "binlog-two is not proven: s3://shop-binlogs/binlog/files/mysql-bin.000002 is gone"
        in check.until("examine").said
    )


def test_damage_is_named(shop: Shop) -> None:
    key = f"{FILES}mysql-bin.000002"
    whole = shop.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    flipped = bytearray(whole)
    flipped[len(whole) - 60] ^= 1
    shop.s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(flipped))
    proven = shop.run("verify_backup", policy="binlog", backup="binlog-two").until("examine")
    assert [found.state for found in proven.findings] == [State.CRITICAL]
    assert "mysql-bin.000002 is damaged at byte" in proven.said
    run = shop.to(shop.two)
    with pytest.raises(PermanentError, match=r"mysql-bin\.000002 is damaged at byte"):
        run.until("restore")
    run.do("clean_up")
    assert databases(shop.drill) == EMPTY


def test_a_server_that_holds_anything_else_is_refused(shop: Shop) -> None:
    one(shop.drill.at(""), "CREATE DATABASE billing")
    with pytest.raises(PermanentError, match="has billing, which a binary log could change"):
        shop.to(shop.two).do("plan")
    one(shop.drill.at(""), "DROP DATABASE billing")
    one(shop.drill.at(""), "CREATE DATABASE shop")
    one(shop.drill, "CREATE TABLE theirs (id INT)")
    with pytest.raises(PermanentError, match="the database exists and is not empty"):
        shop.to(shop.two).do("plan")
    shop.clients = clients_of_mysql(shop.real, shop.real, shop.s3)
    with pytest.raises(PermanentError, match="the database exists and is not empty"):
        shop.to(shop.two).do("plan")


def test_two_runs_do_not_share_it(shop: Shop) -> None:
    first = shop.to(shop.two)
    first.until("restore")
    other = shop.to(shop.two, label="20261121t150000z-00000000")
    with pytest.raises(PermanentError, match=f"holds another recovery .{summary(first.plan.facts)}"):
        other.do("plan")
    other.act = replace(other.act, carried={"plan": {**first.act.carried["plan"]}})
    other.act.carried["plan"]["facts"] = {**first.plan.facts, "run": other.act.label}  # type: ignore[index]
    with pytest.raises(PermanentError, match="holds another recovery"):
        other.do("clean_up")
    assert rows(shop.drill) == [1, 2]


def test_a_drill_goes_to_the_newest(shop: Shop) -> None:
    run = shop.run("drill_moment")
    come_to_it(run)
    assert rows(shop.drill) == []
    done = run.until("measure")
    assert [found.check.partition("{")[0] for found in done.findings] == ["recovery_time", "recovery_loss"]
    run.until("clean_up")
    assert databases(shop.drill) == EMPTY


def test_what_a_dump_needs_stays_and_what_none_needs_goes(shop: Shop) -> None:
    shop.back_up("binlog", "three")
    later = timedelta(days=9)
    assert shop.run("backup", "four", policy="binlog").do("plan").findings[0].evidence["would_delete"] == {}
    far = shop.run("backup", "five", policy="binlog")
    far.act = replace(far.act, now=far.act.now + later, began_at=far.act.began_at + later)
    far.until("ready")
    far.until("prove")
    kept = far.do("expire", now=far.act.now).findings[0].evidence
    assert kept["deleted"] == {}
    assert kept["kept"]["binlog-one"] == "dumps-first needs it"
    [old] = known_backups(shop.ledger, "shop", "dumps")
    way = making("shop", far.act.system, shop.clients, "binlog")
    copies = copies_there(way, [])
    with pytest.raises(PermanentError, match="binlog-one is needed by dumps-first: nothing was deleted"):
        way.method.delete([copy for copy in copies if copy.name == "binlog-one"])
    shop.back_up("dumps", "second")
    making("shop", far.act.system, shop.clients, "dumps").method.delete([old.copy])
    deleted = far.do("expire", now=far.act.now).findings[0].evidence["deleted"]
    assert set(deleted) == {"binlog-one", "binlog-two", "binlog-three"}
    assert shop.files() == ["05"]


def current_log(server: DatabaseServer) -> str:
    """Return the name of the binary log that is being written."""
    with server.session() as session:
        return str(session.run("SHOW MASTER STATUS")[0][0])


def purge(server: DatabaseServer) -> None:
    """Remove every binary log but the current one, as soon as a crash could not need them any more."""

    def alone() -> bool:
        with server.session() as session:
            session.run("FLUSH ENGINE LOGS")
            session.run(f"PURGE BINARY LOGS TO '{current_log(server)}'")
            return len(session.run("SHOW BINARY LOGS")) == 1

    until(alone, "the older binary logs to go")


def test_what_the_server_removed_before_it_was_archived_is_told_once(shop: Shop) -> None:
    written = current_log(shop.real)
    one(shop.real, "FLUSH BINARY LOGS")
    one(shop.real, "FLUSH BINARY LOGS")
    purge(shop.real)
    run = shop.run("backup", "gap", policy="binlog")
    [finding] = run.until("make").findings
    assert finding.state is State.CRITICAL
    assert f"{written} was removed from the server before it was archived" in finding.summary
    assert [found.state for found in shop.run("backup", "next", policy="binlog").until("make").findings] == [
        State.OK
    ]


def test_a_log_of_statements_is_refused(shop: Shop) -> None:
    one(shop.real, "SET GLOBAL binlog_format = MIXED")
    try:
        with pytest.raises(ConfigurationError, match="binlog_format is MIXED; set ROW"):
            shop.run("backup", "mixed", policy="binlog").until("make")
    finally:
        one(shop.real, "SET GLOBAL binlog_format = ROW")


def test_a_log_that_began_anew_overwrites_nothing(shop: Shop) -> None:
    before = {key: shop.s3.head_object(Bucket=BUCKET, Key=key)["ETag"] for key in shop.keys(FILES)}
    one(shop.real, "RESET MASTER")
    with pytest.raises(PermanentError, match="the binary log has begun anew"):
        shop.run("backup", "anew", policy="binlog").until("make")
    assert before == {key: shop.s3.head_object(Bucket=BUCKET, Key=key)["ETag"] for key in shop.keys(FILES)}


def test_another_database_of_the_server_is_left_out(shop: Shop) -> None:
    one(shop.real, "CREATE DATABASE other")
    try:
        one(shop.real.at("other"), "CREATE TABLE o (id INT)")
        one(shop.real.at("other"), "INSERT INTO o VALUES (1)")
        one(shop.real.at("other"), "ALTER TABLE shop.t COMMENT = 'by another'")
        root = replace(shop.real, user="root", password="", database="other")
        one(root, "GRANT SELECT ON shop.* TO reader@localhost IDENTIFIED BY 'hush'")
        one(shop.real, "INSERT INTO t VALUES (5)")
        moment = next_second()
        one(shop.real, "INSERT INTO t VALUES (6)")
        shop.back_up("binlog", "other")
        run = shop.to(moment)
        run.until("plan")
        [left_out] = [note for note in run.plan.notes if note.startswith("not applied")]
        assert left_out.endswith(": ALTER TABLE")
        come_to_it(run)
        assert rows(shop.drill) == [5]
        assert databases(shop.drill) == {*EMPTY, "shop", MARK}
        run.until("clean_up")
    finally:
        one(shop.real, "DROP DATABASE other")


def test_the_daily_check_asks_the_archive(shop: Shop, cloud: Aws) -> None:
    """How much a log holds says nothing."""
    given = {"aws": {"s3": cloud["s3"]}, "database": {"mysql": shop.real}}
    context = make_context(make_system(**BINLOG), as_of=datetime.now(UTC), **given)
    found = ask("backup_status", context, policies=("binlog",))
    states = {name.partition("{")[0]: finding.state for name, finding in found.items()}
    assert states == dict.fromkeys(("backup_complete", "backup_encryption"), State.OK)
