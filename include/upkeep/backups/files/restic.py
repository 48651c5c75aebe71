"""Backups of files with restic: incremental, encrypted, in a folder or in S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upkeep.backups import targets
from upkeep.backups.files import snapshots
from upkeep.backups.files.checking import examine
from upkeep.backups.files.packs import Packs
from upkeep.backups.files.repository import INCOMPLETE, Repository
from upkeep.backups.files.source import Progress, changed_since
from upkeep.backups.model import Copy, Proof
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError

FORGET_AT_ONCE = 100


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ResticFiles:
    """The `Method` for files.

    source: what the copies are of, the same from whatever machine they are made. paths: absolute; empty
    where copies are only read. packs: the repository's packs, to examine them. at_rest: nobody writes
    to the files, so that one that changed while it was read makes the copy incomplete.
    """

    repository: Repository
    packs: Packs
    source: str
    paths: Sequence[Path] = ()
    at_rest: bool = True
    now: Callable[[], datetime] = field(default=_now)

    def initialise(self) -> None:
        """Make the repository if there is none.

        Raises:
            ConfigurationError: the bucket or the folder above is not there; restic would make it.

        """
        try:
            self.repository.call("cat", "config")
        except NotFoundError:
            absent = self.packs.missing()
            if absent:
                raise ConfigurationError(
                    f"no repository can be made at {self.repository.location}: {absent} is not there"
                ) from None
            self.repository.call("init")

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished and lacks nothing."""
        found = [self._copy(one) for one in self._snapshots() if one.name == name and one.finished]
        return next((copy for copy in found if not copy.problems), None)

    def make(self, name: str) -> Copy:
        """Make the copy of this name, or return it if it is there; source files are only read.

        A copy without files that could not be read is returned with that as its problem, and a repeat
        replaces it. Raises TemporaryError (locked, unreachable, stalled), ConfigurationError,
        PermanentError.
        """
        snapshots.checked_name(name)
        before = [one for one in self._snapshots() if one.name == name]
        good = [one for one in before if one.finished and not self._copy(one).problems]
        kept = good[0] if good else self._backup(name)
        self._forget([one.id for one in before if one.id != kept.id])
        return self._copy(kept)

    def copies(self) -> Iterator[Copy]:
        """Yield the copies of this source, oldest first, unfinished ones with their problems."""
        yield from map(self._copy, self._snapshots())

    def delete(self, copies: Sequence[Copy]) -> None:
        """Forget copies; their data goes with `restic prune`. One that is gone is no error."""
        held = [copy.name for copy in copies if copy.held]
        if held:
            raise PermanentError(f"{', '.join(held)} are held: nothing was deleted")
        wanted = {copy.facts.get("snapshot") for copy in copies}
        self._forget([one.id for one in self._snapshots() if one.id in wanted])

    def reclaim(self) -> None:
        """Remove the data that no copy needs any more. Reads and writes packs: for a quiet hour."""
        self.repository.alone("prune")

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a copy up to the checksums of the repository's packs.

        before: proofs of any copies in this repository: packs that one of them read are not read again.
        Leave out those that are too old to be believed.
        """
        there = [self._copy(one) for one in self._snapshots() if one.id == copy.facts.get("snapshot")]
        return examine(self.repository, self.packs, copy, there, before, self.now())

    def look(self, copy: Copy, folder: Path) -> dict[str, Any]:
        """Say what `restore` would do, as plain values, or refuse with PermanentError; touches nothing."""
        size = self.repository.json("stats", "--mode", "restore-size", copy.facts["snapshot"])
        why = targets.refuse(folder, self._what(copy), int(size["total_size"]))
        if why:
            raise PermanentError(why)
        return {
            "copy": copy.name,
            "snapshot": copy.facts["snapshot"],
            "folder": str(folder),
            "files": int(size["total_file_count"]),
            "bytes": int(size["total_size"]),
        }

    def restore(self, copy: Copy, folder: Path) -> None:
        """Restore a copy into a new or empty folder and read back what was written.

        A repeat goes on in the folder that an earlier attempt at this copy began. Raises PermanentError:
        the folder is somebody else's, a pack is damaged or lost, the disk is full.
        """
        what = self._what(copy)
        if targets.claim(folder, what):
            return
        words = ("restore", copy.facts["snapshot"], "--target", str(folder), "--verify")
        self.repository.call(*words, moves_data=True)
        targets.finish(folder, what)

    def _what(self, copy: Copy) -> Mapping[str, Any]:
        return {"restic": self.repository.location, "snapshot": copy.facts["snapshot"]}

    def _backup(self, name: str) -> snapshots.Snapshot:
        if not self.paths:
            raise ConfigurationError(f"there are no paths to back up as {name}: the catalog names them")
        progress = Progress()
        tag = f"{snapshots.DRAFT}={name}"
        words = ("backup", "--json", "--host", self.source, "--tag", tag, "--")
        ended = self.repository.call(
            *words, *map(str, self.paths), on_line=progress.take, moves_data=True, good=(0, INCOMPLETE)
        )
        ours = progress.snapshot()
        unread = len(progress.unread(ended.errors)) if ended.status == INCOMPLETE else 0
        counts = {**progress.counts(), "unread": unread}
        if self.at_rest:
            counts["changed"] = changed_since(self.repository, ours)
        tags = snapshots.tags(name, self.now(), counts)
        self.repository.alone("tag", "--set", tags, ours)
        made = [one for one in self._snapshots() if one.name == name and one.finished]
        if not made:
            raise PermanentError(f"backup {name} was made and is gone: does somebody else forget snapshots?")
        return made[-1]

    def _snapshots(self) -> list[snapshots.Snapshot]:
        return snapshots.read(self.repository.json("snapshots", "--host", self.source, "--no-lock"))

    def _copy(self, snapshot: snapshots.Snapshot) -> Copy:
        return snapshots.copy(snapshot, self.repository.location)

    def _forget(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), FORGET_AT_ONCE):
            self.repository.alone("forget", *ids[start : start + FORGET_AT_ONCE])
