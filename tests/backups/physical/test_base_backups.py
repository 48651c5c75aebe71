"""Base backups by pg_basebackup and a folder of WAL: damage is named, and what is reached is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.backups.physical.conftest import Source, owned

from upkeep.backups.model import Level, Proof
from upkeep.backups.physical.base_backups import Tools, archived, base_in, check, newest_in
from upkeep.backups.physical.segments import SEGMENT_BYTES, Segment
from upkeep.backups.physical.windows import choose, windows
from upkeep.errors import PermanentError


@dataclass(frozen=True)
class Backup:
    folder: Path
    wal: Path
    tools: Tools

    def check(self) -> list[Proof]:
        return check(self.folder, archived(self.wal), self.tools, lambda: datetime.now(UTC))


@pytest.fixture
def backup(source: Source, place: Path) -> Backup:
    """A base backup of the source now, and all its WAL in a folder."""
    folder, wal = place / "base", place / "wal"
    subprocess.run(
        [source.stanza.programs / "pg_basebackup", "-h", source.folder / "run", "-p", str(source.port),
         "-U", "postgres", "-D", folder, "-X", "none", "-c", "fast", "--manifest-checksums=SHA256"],
        check=True, capture_output=True,
    )  # fmt: skip
    source.archived()
    source.archived()
    wal.mkdir()
    owned(place)
    for segment in source.stanza.archive().segments:
        assert source.stanza.fetch(segment, wal)
    return Backup(folder, wal, Tools(source.stanza.programs, source.stanza.user))


def test_what_is_whole_is_proven_and_reaches_the_end(backup: Backup, source: Source) -> None:
    assert [(p.level, list(p.problems)) for p in backup.check()] == [
        (Level.EXISTS, []), (Level.COMPLETE, []), (Level.CHECKSUMS, []),
    ]  # fmt: skip
    archive = archived(backup.wal)
    (window,) = windows([base_in(backup.folder)], archive, newest_in(backup.wal, backup.tools))
    assert window.latest > window.earliest > source.moments["3000"]
    assert window.last == max(archive.segments)
    with pytest.raises(PermanentError, match="cannot be recovered to"):
        choose([window], source.moments["3000"])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_flip, 'checksum mismatch for file "base/5/1259"'),
        (lambda file: os.truncate(file, 100), '"base/5/1259" has size 100 on disk'),
        (Path.unlink, '"base/5/1259" is present in the manifest but not on disk'),
    ],
)
def test_damage_is_named(backup: Backup, harm: Callable[[Path], None], said: str) -> None:
    harm(backup.folder / "base/5/1259")
    proof = backup.check()[-1]
    assert proof.level == Level.CHECKSUMS
    assert [said in problem for problem in proof.problems] == [True]


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: os.truncate(file, SEGMENT_BYTES - 1)])
def test_a_missing_or_truncated_segment_is_named(backup: Backup, harm: Callable[[Path], None]) -> None:
    name = base_in(backup.folder).start.name()
    harm(backup.wal / name)
    proof = backup.check()[-1]
    assert proof.level == Level.COMPLETE
    assert proof.problems == [f"{backup.folder} needs WAL segment {name}, which is not in the archive"]


def test_a_gap_after_it_ends_the_window(backup: Backup) -> None:
    base = base_in(backup.folder)
    after = Segment(1, base.stop.number + 1)
    (backup.wal / after.name()).unlink()
    (window,) = windows([base], archived(backup.wal), newest_in(backup.wal, backup.tools))
    assert window.missing == (after.name(),)
    assert window.last == base.stop


def test_a_folder_that_is_none(backup: Backup, tmp_path: Path) -> None:
    (backup.folder / "backup_manifest").unlink()
    (proof,) = backup.check()
    assert proof.level == Level.EXISTS
    assert "is this a base backup?" in proof.problems[0]
    with pytest.raises(PermanentError, match="is the archive mounted"):
        archived(tmp_path / "gone")
