"""Planted damage in a repository is found and named, and never restored unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.backups.physical.conftest import Source

from sandbox.ports import free_port
from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.physical import DrillServer, PgBackRest, Stanza, look, recoverable_windows, restore
from upkeep.errors import PermanentError


@pytest.fixture
def stanza(source: Source, place: Path) -> Stanza:
    return source.repository(place)


@pytest.fixture
def backups(stanza: Stanza) -> PgBackRest:
    return PgBackRest(stanza=stanza)


def named(backups: PgBackRest, name: str) -> Copy:
    return next(copy for copy in backups.copies() if copy.name == name)


def wal(place: Path, segment: str) -> Path:
    (found,) = (place / "repo/archive/main").glob(f"*/*/{segment}-*")
    return found


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_what_is_whole_is_proven(backups: PgBackRest) -> None:
    for copy in list(backups.copies()):
        proofs = backups.check(copy)
        assert [(p.level, list(p.problems)) for p in proofs] == [
            (Level.EXISTS, []), (Level.COMPLETE, []), (Level.CHECKSUMS, []),
        ]  # fmt: skip
        assert proofs[-1].evidence["files"] > 900
        assert [p.level for p in backups.check(copy, before=proofs)] == [Level.EXISTS, Level.COMPLETE]
    assert backups.archive_gaps() == []


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


@pytest.mark.parametrize(("harm", "said"), [(flip, "damaged"), (_cut, "damaged"), (Path.unlink, "lost")])
def test_a_file_of_the_base_backup(
    backups: PgBackRest, place: Path, harm: Callable[[Path], None], said: str
) -> None:
    first, second = named(backups, "first"), named(backups, "second")
    folder = place / "repo/backup/main" / first.facts["label"] / "pg_data/base/5"
    damaged = max(folder.glob("*.gz"), key=lambda file: file.stat().st_size)
    harm(damaged)
    for copy in (first, second):  # the second is incremental: it needs the first's file
        proof = backups.check(copy)[-1]
        assert proof.level == Level.CHECKSUMS
        assert len(proof.problems) == 1
        assert said in proof.problems[0]
        assert proof.problems[0].endswith(f"pg_data/base/5/{damaged.name}")
    plan = look(backups.stanza, place / "drill")
    with pytest.raises(PermanentError, match="pgbackrest restore"):
        restore(backups.stanza, plan, place / "drill")


def test_a_flipped_byte_in_the_wal(backups: PgBackRest, place: Path) -> None:
    first, second = named(backups, "first"), named(backups, "second")
    flip(wal(place, second.facts["wal_start"]))
    for copy in (first, second):
        proof = backups.check(copy)[-1]
        assert [second.facts["wal_start"] in problem for problem in proof.problems] == [True]


def test_a_segment_that_a_backup_needs_is_missing(backups: PgBackRest, place: Path, source: Source) -> None:
    first, second = named(backups, "first"), named(backups, "second")
    lost = second.facts["wal_start"]
    wal(place, lost).unlink()
    proof = backups.check(second)[-1]
    assert proof == Proof(
        Level.COMPLETE, proof.at, [f"second needs WAL segment {lost}, which is not in the archive"],
        proof.evidence,
    )  # fmt: skip
    assert backups.find("second") is None
    assert backups.archive_gaps() == [lost]
    (window,) = recoverable_windows(backups.stanza)
    assert (window.base, window.missing) == (first.facts["label"], (lost,))
    assert source.moments["2000"] <= window.latest < source.moments["3000"]
    with pytest.raises(PermanentError, match=f"where {lost} is missing"):
        look(backups.stanza, place / "drill", source.moments["3000"])


def test_recovery_that_meets_a_gap_fails_and_says_so(stanza: Stanza, place: Path, source: Source) -> None:
    plan = look(stanza, place / "drill", source.moments["3000"])
    for segment in (place / "repo/archive/main").glob("*/*/0*-*.gz"):
        segment.unlink()  # after the plan: nobody looked again
    restore(stanza, plan, place / "drill")
    server = DrillServer(stanza=stanza, folder=place / "drill", port=free_port())
    server.start()
    with pytest.raises(PermanentError, match=r"recovery in .* failed: .*FATAL"):
        server.wait(30)


def test_a_lost_manifest(backups: PgBackRest, place: Path) -> None:
    second = named(backups, "second")
    for file in (place / "repo/backup/main" / second.facts["label"]).glob("backup.manifest*"):
        file.unlink()
    proof = backups.check(second)[-1]
    assert proof.level == Level.CHECKSUMS
    assert "manifest missing" in proof.problems[0]


def test_a_backup_that_is_gone(backups: PgBackRest) -> None:
    second = named(backups, "second")
    backups.delete([second])
    backups.delete([second])
    assert [p.problems for p in backups.check(second)] == [["second is gone from stanza main"]]
