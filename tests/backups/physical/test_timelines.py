"""After a recovery in place there are two timelines, and a moment can be on either."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.backups.physical.conftest import Source, running_source, until
from tests.backups.physical.test_recovery import recovered, rows

from upkeep.backups.model import Level
from upkeep.backups.physical import PgBackRest, look, recoverable_windows
from upkeep.errors import PermanentError


@pytest.fixture(scope="module")
def forked() -> Iterator[Source]:
    """A server that was put back to when t had 1 row; before that it had 2, now it has 4."""
    with running_source() as source:
        backups = PgBackRest(stanza=source.stanza)
        backups.initialise()
        source.sql("CREATE TABLE t AS SELECT 1 AS id")
        made = backups.make("before")
        # pgBackRest looks for a backup of a second before the one that it goes back to.
        until(lambda: datetime.now(UTC) > made.ended_at + timedelta(seconds=1), "the second after the backup")
        source.sql("INSERT INTO t VALUES (1000)")
        source.sql("DELETE FROM t WHERE id = 1000")
        source.now("one")
        source.sql("INSERT INTO t VALUES (2)")
        source.now("two")
        source.archived()
        source.stop()
        source.stanza.call(
            "restore", "--delta", "--type=time", f"--target={source.moments['one'].isoformat(sep=' ')}",
            "--target-action=promote", moves_data=True,
        )  # fmt: skip
        source.start()
        assert source.sql("SELECT count(*) FROM t") == 1
        source.sql("INSERT INTO t VALUES (3), (4), (5)")
        source.now("four")
        source.archived()
        yield source


def test_each_timeline_has_its_windows(forked: Source) -> None:
    (old,), (new,) = recoverable_windows(forked.stanza, 1), recoverable_windows(forked.stanza)
    assert (old.timeline, new.timeline) == (1, 2)
    assert old.base == new.base
    assert old.latest > forked.moments["two"] > old.earliest
    assert new.latest > forked.moments["four"] > old.latest


@pytest.mark.parametrize(("moment", "timeline", "count"), [("two", 1, 2), ("one", 2, 1), ("four", None, 4)])
def test_a_moment_is_recovered_on_its_timeline(
    forked: Source, place: Path, moment: str, timeline: int | None, count: int
) -> None:
    plan = look(forked.stanza, place / "drill", forked.moments[moment], timeline)
    with recovered(forked, plan, place / "drill") as (server, _):
        assert rows(server) == count


def test_a_moment_of_the_new_timeline_is_refused_on_the_old(forked: Source, place: Path) -> None:
    with pytest.raises(PermanentError, match="on timeline 1 from"):
        look(forked.stanza, place / "drill", forked.moments["four"], timeline=1)


def test_a_backup_on_the_new_timeline_is_whole(forked: Source) -> None:
    backups = PgBackRest(stanza=forked.stanza, kind="full")
    after = backups.make("after")
    assert [(p.level, p.holds) for p in backups.check(after)][-1] == (Level.CHECKSUMS, True)
    assert backups.archive_gaps() == []
    assert {one.base for one in recoverable_windows(forked.stanza, 1)} == {
        next(copy for copy in backups.copies() if copy.name == "before").facts["label"]
    }


def test_a_lost_history_is_named(forked: Source, place: Path) -> None:
    stanza = forked.repository(place)
    (history,) = (place / "repo/archive/main").glob("*/00000002.history*")
    shutil.move(history, place)
    with pytest.raises(PermanentError, match=r"00000002\.history is not in the archive"):
        look(stanza, place / "drill")
