"""A PostgreSQL is recovered to a moment beside the one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.backups.physical.conftest import Source

from sandbox.ports import free_port
from upkeep.backups import targets
from upkeep.backups.physical import DrillServer, Reached, look, recoverable_windows, restore
from upkeep.backups.physical.segments import parse_lsn
from upkeep.errors import PermanentError


@contextmanager
def recovered(source: Source, plan: dict[str, Any], folder: Path) -> Iterator[tuple[DrillServer, Reached]]:
    restore(source.stanza, plan, folder)
    server = DrillServer(stanza=source.stanza, folder=folder, port=free_port())
    server.start()
    try:
        server.start()  # a repeat
        yield server, server.wait(60)
    finally:
        server.stop()
    assert not server.running()


def rows(server: DrillServer) -> int:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM t")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize(("moment", "count"), [("2000", 2000), ("3000", 3000)])
def test_to_a_moment(source: Source, place: Path, moment: str, count: int) -> None:
    target = source.moments[moment]
    plan = look(source.stanza, place / "drill", target)
    assert not (place / "drill").exists()
    archived = source.sql("SELECT archived_count FROM pg_stat_archiver")
    with recovered(source, plan, place / "drill") as (server, reached):
        assert rows(server) == count
        assert reached.at is not None
        assert timedelta() < target - reached.at < timedelta(seconds=30)
        assert not reached.promoted
        server.promote()
        server.promote()
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (0); SELECT pg_switch_wal()")
            cursor.execute("SELECT current_setting('archive_mode'), current_setting('listen_addresses')")
            assert cursor.fetchone() == ("off", "")
    # What the drill wrote did not get into the archive, nor its timeline.
    assert source.stanza.archive().timelines == [1]
    assert source.sql("SELECT archived_count FROM pg_stat_archiver") == archived
    assert source.sql("SELECT count(*) FROM t") == 2000


def test_to_the_end(source: Source, place: Path) -> None:
    plan = look(source.stanza, place / "drill")
    assert plan["type"] == "lsn"
    with recovered(source, plan, place / "drill") as (server, reached):
        assert rows(server) == 2000
        assert not reached.promoted
        assert parse_lsn(reached.lsn) > parse_lsn(plan["target"])


def test_to_both_ends_of_the_window(source: Source, place: Path) -> None:
    first, *_ = windows = recoverable_windows(source.stanza)
    assert len({one.latest for one in windows}) == 1
    for name, moment, count in (("early", first.earliest, 1000), ("late", first.latest, 2000)):
        plan = look(source.stanza, place / name, moment)
        with recovered(source, plan, place / name) as (server, _):
            assert rows(server) == count


def test_a_target_outside_is_refused_with_the_window(source: Source, place: Path) -> None:
    window = recoverable_windows(source.stanza)[0]
    for target in (source.moments["before"], window.latest + timedelta(microseconds=1)):
        with pytest.raises(PermanentError, match=r"cannot be recovered to\. What can: ") as told:
            look(source.stanza, place / "drill", target)
        assert window.earliest.isoformat() in str(told.value)
        assert window.latest.isoformat() in str(told.value)
    assert list(place.iterdir()) == []


def test_a_timeline_that_is_not_archived_is_refused(source: Source, place: Path) -> None:
    with pytest.raises(PermanentError, match=r"00000007\.history is not in the archive"):
        look(source.stanza, place / "drill", source.moments["3000"], timeline=7)


def test_a_target_folder_of_somebody_else_is_refused(source: Source, place: Path) -> None:
    plan = look(source.stanza, place / "drill")
    (place / "drill").mkdir()
    (place / "drill" / "theirs").touch()
    for act in (
        lambda: look(source.stanza, place / "drill"),
        lambda: restore(source.stanza, plan, place / "drill"),
    ):
        with pytest.raises(PermanentError, match="files of somebody else"):
            act()
    with pytest.raises(PermanentError, match="not filled by a restore of ours"):
        targets.clear(place / "drill")
    assert [path.name for path in (place / "drill").iterdir()] == ["theirs"]


def test_what_a_drill_leaves_is_cleared(source: Source, place: Path) -> None:
    restore(source.stanza, look(source.stanza, place / "drill"), place / "drill")
    with pytest.raises(PermanentError, match="holds another restore"):
        look(source.stanza, place / "drill", source.moments["2000"])
    targets.clear(place / "drill")
    targets.clear(place / "drill")
    assert list(place.iterdir()) == []
