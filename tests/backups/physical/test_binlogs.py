"""MariaDB is recovered to a moment from a dump and the archived binary log."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backups.files.test_kills import killed_when
from tests.backups.physical.conftest import short_folder, until
from tests.backups.physical.shop import PASSWORD, Shop, count, mariadb, next_second, one
from tests.servers.aws import aws

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.physical import binlog_marks, binlog_recovery
from upkeep.backups.physical.binlog_archive import archive_binlogs, position
from upkeep.backups.physical.binlog_store import BinlogStore, FolderStore, S3Store
from upkeep.backups.physical.binlogs import read_binlog, run_from
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with mariadb("--log-bin=mysql-bin", "--server-id=1") as server:
        archive = tmp_path_factory.mktemp("archive")
        one(server, "CREATE TABLE shop.t (id INT PRIMARY KEY) ENGINE=InnoDB")
        one(server, "INSERT INTO shop.t VALUES (1)")
        base, taken_at = position(server), next_second()
        dump = subprocess.run(
            ["mariadb-dump", *server.arguments(), "--single-transaction", "--master-data=2", "shop"],
            env=server.environment(), capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert f"MASTER_LOG_FILE='{base.file}', MASTER_LOG_POS={base.offset}" in dump
        one(server, "INSERT INTO shop.t VALUES (2)")
        one(server, "FLUSH BINARY LOGS")
        one(server, "INSERT INTO shop.t VALUES (3)")
        three = next_second()
        one(server, "INSERT INTO shop.t VALUES (4), (5)")
        one(server, "FLUSH BINARY LOGS")
        next_second()
        one(server, "DELETE FROM shop.t")
        done = archive_binlogs(server, FolderStore(archive))
        assert done.new == ("mysql-bin.000001", "mysql-bin.000002", "mysql-bin.000003")
        yield Shop(server, dump, base, taken_at, three, archive)


@pytest.fixture
def archive(shop: Shop, tmp_path: Path) -> FolderStore:
    """A copy of the archive that a test may damage."""
    return FolderStore(Path(shutil.copytree(shop.archive, tmp_path / "archive")))


@pytest.fixture(scope="module")
def empty_drill() -> Iterator[DatabaseServer]:
    with mariadb() as server:
        yield server


@pytest.fixture
def drill(empty_drill: DatabaseServer, shop: Shop) -> DatabaseServer:
    """A server on which the dump was just restored."""
    binlog_marks.forget(empty_drill)
    command = ["mariadb", *empty_drill.arguments(), "shop"]
    subprocess.run(command, env=empty_drill.environment(), input=shop.dump, text=True, check=True)
    assert count(empty_drill) == 1
    return empty_drill


def test_to_a_moment(shop: Shop, drill: DatabaseServer, archive: FolderStore) -> None:
    plan = binlog_recovery.look(archive, shop.base, shop.taken_at, shop.three)
    assert count(drill) == 1
    binlog_recovery.apply(drill, archive, plan)
    assert count(drill) == 3
    binlog_recovery.apply(drill, archive, plan)  # a repeat
    assert count(drill) == 3
    assert count(shop.server) == 0
    binlog_marks.forget(drill)
    with drill.session() as session:
        assert (binlog_marks.MARK,) not in session.run("SHOW DATABASES")


def test_the_machine_s_time_zone_does_not_matter(
    shop: Shop, drill: DatabaseServer, archive: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    target = shop.three.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)
    plan = binlog_recovery.look(archive, shop.base, shop.taken_at, target)
    binlog_recovery.apply(drill, archive, plan)
    assert count(drill) == 3


def test_to_the_end_from_s3(shop: Shop, drill: DatabaseServer) -> None:
    with aws() as server:
        server.bucket("binlogs")
        store: BinlogStore = S3Store(server["s3"], "binlogs", "shop")
        assert len(archive_binlogs(shop.server, store, close=False).new) == 3
        assert archive_binlogs(shop.server, store, close=False).new == ()
        plan = binlog_recovery.look(store, shop.base, shop.taken_at)
        binlog_recovery.apply(drill, store, plan)
    assert count(drill) == 0


def test_a_target_outside_is_refused_with_the_window(shop: Shop, archive: FolderStore) -> None:
    window = binlog_recovery.binlog_window(archive, shop.base, shop.taken_at)
    for target in (shop.taken_at - timedelta(seconds=1), window.latest + timedelta(seconds=1)):
        with pytest.raises(PermanentError, match="cannot be recovered to") as told:
            binlog_recovery.look(archive, shop.base, shop.taken_at, target)
        assert str(window) in str(told.value)
    with pytest.raises(ConfigurationError, match="no time zone"):
        binlog_recovery.look(archive, shop.base, shop.taken_at, datetime(2026, 11, 21))  # noqa: DTZ001


def test_a_missing_file_is_named(shop: Shop, archive: FolderStore) -> None:
    (archive.folder / "mysql-bin.000002").unlink()
    with pytest.raises(PermanentError, match=r"where mysql-bin\.000002 is missing"):
        binlog_recovery.look(archive, shop.base, shop.taken_at, shop.three)
    (archive.folder / "mysql-bin.000001").unlink()
    with pytest.raises(PermanentError, match=r"mysql-bin\.000001, where the base ends, is not archived"):
        binlog_recovery.look(archive, shop.base, shop.taken_at, shop.three)


def test_damage_is_found_before_anything_is_applied(
    shop: Shop, drill: DatabaseServer, archive: FolderStore
) -> None:
    plan = binlog_recovery.look(archive, shop.base, shop.taken_at, shop.three)
    damaged = archive.folder / "mysql-bin.000002"
    whole = damaged.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) - 60] ^= 1
    # The last event is where the file ends: one that is cut there has only whole events.
    cut = whole[: len(whole) - 47]
    for content, said in ((flipped, "is damaged at byte"), (cut, "is cut off"), (whole[:-9], "is cut off")):
        damaged.write_bytes(content)
        with pytest.raises(PermanentError, match=rf"mysql-bin\.000002 {said}"):
            binlog_recovery.apply(drill, archive, plan)
        assert count(drill) == 1


def test_killed_while_it_applies(shop: Shop, drill: DatabaseServer, archive: FolderStore) -> None:
    plan = binlog_recovery.look(archive, shop.base, shop.taken_at, shop.three)
    blocking = drill.session()
    with blocking as session:
        session.run("LOCK TABLES shop.t READ")  # what is applied waits for this
        waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO shop.t%'"
        killed_when(lambda: binlog_recovery.apply(drill, archive, plan), lambda: one(drill, waiting))
        session.run("UNLOCK TABLES")
    with pytest.raises(PermanentError, match=r"has part of a recovery .* restore the base again"):
        binlog_recovery.apply(drill, archive, plan)


def test_a_statement_that_fails_says_so(shop: Shop, drill: DatabaseServer, archive: FolderStore) -> None:
    one(drill, "INSERT INTO shop.t VALUES (3)")  # not the base
    plan = binlog_recovery.look(archive, shop.base, shop.taken_at, shop.three)
    with pytest.raises(PermanentError, match=r"half way: .*Duplicate entry '3'") as told:
        binlog_recovery.apply(drill, archive, plan)
    assert PASSWORD not in str(told.value)


def test_killed_while_it_archives(shop: Shop, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    killed_when(lambda: archive_binlogs(shop.server, store, close=False), lambda: any(tmp_path.iterdir()))
    archive_binlogs(shop.server, store, close=False)
    assert store.sizes() == FolderStore(shop.archive).sizes()
    assert all(read_binlog(path).closed for path in tmp_path.iterdir())


def test_a_file_that_the_server_removed_unarchived_is_named() -> None:
    with mariadb("--log-bin=mysql-bin", "--server-id=1") as server, short_folder() as folder:
        store = FolderStore(folder)
        assert archive_binlogs(server, store).missing == ()
        one(server, "FLUSH BINARY LOGS")
        one(server, "FLUSH BINARY LOGS")

        def purged() -> bool:
            """Have the server remove what it may: not what a reader has just let go."""
            with server.session() as session:
                session.run("PURGE BINARY LOGS TO 'mysql-bin.000004'")
                return len(session.run("SHOW BINARY LOGS")) == 1

        until(purged, "the server removes its files")
        done = archive_binlogs(server, store, close=False)
        assert done.missing == ("mysql-bin.000002", "mysql-bin.000003")


def test_a_server_that_is_away_or_refuses(shop: Shop, empty_drill: DatabaseServer, tmp_path: Path) -> None:
    with pytest.raises(TemporaryError):
        archive_binlogs(replace(shop.server, port=1), FolderStore(tmp_path))
    with pytest.raises(ConfigurationError) as told:
        archive_binlogs(replace(shop.server, password="wrong"), FolderStore(tmp_path))
    assert "wrong" not in str(told.value).replace("wrong password", "")
    with pytest.raises(ConfigurationError, match="writes no binary log"):
        archive_binlogs(empty_drill, FolderStore(tmp_path))
    with pytest.raises(PermanentError, match="is the archive mounted"):
        archive_binlogs(shop.server, FolderStore(tmp_path / "gone"))


@given(st.integers(1, 2_000_000), st.integers(0, 30), st.sets(st.integers(0, 30)))
def test_a_run_ends_where_the_first_file_is_missing(first: int, length: int, lost: set[int]) -> None:
    every = [f"bin.{first + i:06d}" for i in range(length)]
    names = [name for i, name in enumerate(every) if i not in lost]
    found = run_from([*names, "bin.index", "other.000001"], f"bin.{first:06d}")
    gone = [i for i in range(length) if i in lost]
    end = gone[0] if gone else length
    assert list(found.names) == every[:end]
    beyond = [i for i in range(end, length) if i not in lost]
    assert list(found.missing) == (every[end : beyond[0]] if beyond else [])
