"""Base backups by pg_basebackup and a folder of archived WAL: examined, and what they reach.

They are made by others; backups of ours are made with pgBackRest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from upkeep.backups.model import Level, Proof
from upkeep.backups.physical.recovery import ENDED
from upkeep.backups.physical.segments import (
    SEGMENT_BYTES,
    Segment,
    history_timeline,
    parse_lsn,
    parse_segment,
    read_history,
)
from upkeep.backups.physical.windows import Archive, Base, Newest, own_gaps
from upkeep.backups.running import How, run
from upkeep.errors import BadAnswer, PermanentError

SHOWN = 20
"""Problems that a proof names; the rest is counted."""
_ERROR = re.compile(r"^pg_verifybackup: error: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Tools:
    """PostgreSQL's programs. user: who runs them, None for ourselves. timeout_seconds: for each run."""

    programs: Path
    user: str | None = None
    timeout_seconds: float = 6 * 3600

    def run(self, name: str, *words: str) -> tuple[int, str, str]:
        """Run a program; return its status, output and errors."""
        how = How(user=self.user, timeout_seconds=self.timeout_seconds)
        ended = run([self.programs / name, *words], how)
        return ended.status, ended.output, ended.errors


def archived(folder: Path, size: int = SEGMENT_BYTES) -> Archive:
    """Return what a folder of archived WAL holds; a segment of another size was cut off and is not there.

    Raises:
        PermanentError: the folder cannot be read.

    """
    try:
        files = {file.name: file for file in folder.iterdir()}
        whole = [name for name, file in files.items() if file.stat().st_size == size]
        later = {number: files[name] for name in files if (number := history_timeline(name))}
        histories = {number: read_history(file.read_text()) for number, file in later.items()}
    except OSError as e:
        raise PermanentError(f"{folder} cannot be read: {e.strerror}; is the archive mounted?") from e
    segments = (parse_segment(name, size) for name in whole)
    return Archive(frozenset(one for one in segments if one), histories, size)


def base_in(folder: Path, size: int = SEGMENT_BYTES) -> Base:
    """Return the base backup in a folder, by its manifest.

    Raises:
        BadAnswer: there is no manifest, or it names no WAL.

    """
    path = folder / "backup_manifest"
    try:
        ranges = json.loads(path.read_text())["WAL-Ranges"]
        first, last = ranges[0], ranges[-1]
        start, stop = parse_lsn(first["Start-LSN"]), parse_lsn(last["End-LSN"])
        ended = datetime.fromtimestamp(path.stat().st_mtime, UTC)  # it is written last
    except (OSError, ValueError, LookupError, TypeError) as e:
        raise BadAnswer(f"{path} cannot be read: {e}; is this a base backup?") from e
    begin, end = Segment(first["Timeline"], start // size), Segment(last["Timeline"], (stop - 1) // size)
    return Base(folder.name, begin, end, stop, ended)


def check(folder: Path, archive: Archive, tools: Tools, now: Callable[[], datetime]) -> list[Proof]:
    """Examine a base backup: its manifest, the WAL that it needs, then every byte with pg_verifybackup."""
    where = {"folder": str(folder)}
    try:
        base = base_in(folder, archive.size)
    except BadAnswer as e:
        return [Proof(Level.EXISTS, now(), [str(e)], where)]
    lacking = [
        f"{folder} needs WAL segment {n}, which is not in the archive" for n in own_gaps(base, archive)
    ]
    proofs = [Proof(Level.EXISTS, now(), (), where), Proof(Level.COMPLETE, now(), lacking, where)]
    if lacking:
        return proofs
    # The WAL is in the archive, not in the backup: it is not looked for there.
    status, _, errors = tools.run("pg_verifybackup", "--no-parse-wal", str(folder))
    found = [f"{folder}: {line}" for line in _ERROR.findall(errors)]
    if status != 0 and not found:
        found = [f"{folder}: pg_verifybackup ended with {status}"]
    rest = len(found) - SHOWN
    shown = found if rest <= 0 else [*found[:SHOWN], f"and {rest} more"]
    return [*proofs, Proof(Level.CHECKSUMS, now(), shown, where)]


def newest_in(folder: Path, tools: Tools, size: int = SEGMENT_BYTES) -> Newest:
    """Return what `windows` asks for the newest transaction, for a folder of archived WAL."""

    def newest(_: Base, segments: Sequence[Segment]) -> datetime | None:
        for segment in reversed(segments):
            path = folder / segment.name(size)
            output = tools.run("pg_waldump", "--rmgr=Transaction", str(path))[1]
            found = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in ENDED.findall(output)]
            if found:
                return max(found)
        return None

    return newest
