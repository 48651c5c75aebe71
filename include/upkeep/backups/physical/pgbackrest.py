"""Backups of a PostgreSQL of ours with pgBackRest: full, differential or incremental, and the WAL archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.physical.segments import forks_of, gaps, parse_lsn, parse_segment
from upkeep.backups.physical.stanza import Stanza
from upkeep.backups.physical.verifying import damage
from upkeep.backups.physical.windows import Archive, Base, own_gaps
from upkeep.errors import BadAnswer, PermanentError

NAME = "upkeep"
"""The annotation that holds a copy's name."""
UNNAMED = "unnamed-"
"""Begins the names of backups that somebody else made; their label follows."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class PgBackRest:
    """The `Method` for a PostgreSQL of ours. kind: what `make` makes; the first is always full.

    full_every: another full one is made when the newest is so old, whatever the kind. encryption: what was
    promised: `aes-256-cbc` is pgBackRest's own, all else is not seen by it.
    """

    stanza: Stanza
    kind: Literal["full", "diff", "incr"] = "incr"
    full_every: timedelta | None = None
    encryption: str = "none"
    now: Callable[[], datetime] = field(default=_now)

    def initialise(self) -> None:
        """Make the stanza if there is none, and check that the server archives its WAL there."""
        self.stanza.call("stanza-create")
        self.stanza.call("check")

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished."""
        return next((copy for copy in self.copies() if copy.name == name and not copy.problems), None)

    def make(self, name: str) -> Copy:
        """Make the copy of this name, or return it if it is there.

        What a killed attempt copied is used again where pgBackRest can, else removed by it. Nothing expires
        here: that is retention's. Raises TemporaryError (another one runs, the server is away),
        PermanentError (the disk is full), ConfigurationError.
        """
        found = self.find(name)
        if found is not None:
            return found
        words = ("backup", f"--type={self._kind()}", f"--annotation={NAME}={name}", "--no-expire-auto")
        self.stanza.call(*words, moves_data=True)
        made = [copy for copy in self.copies() if copy.name == name]
        if not made:
            raise BadAnswer(f"pgbackrest made backup {name} of {self.stanza.name} and does not list it")
        return made[-1]

    def copies(self) -> Iterator[Copy]:
        """Yield all copies, oldest first, those that lack WAL with their problems."""
        info = self.stanza.info()
        archive = self.stanza.archive() if info["backup"] else Archive(frozenset(), {})
        for row in info["backup"]:
            after = [_name(one) for one in info["backup"] if row["label"] in (one.get("reference") or ())]
            yield replace(self._copy(row, archive, str(info.get("cipher", "none"))), needed_by=after)

    def bases(self) -> list[Base]:
        """Return the base backups to recover from."""
        return [base(row, self.stanza.segment_bytes) for row in self.stanza.info()["backup"]]

    def delete(self, copies: Sequence[Copy]) -> None:
        """Expire copies. One that is gone is no error.

        Raises:
            PermanentError: one is held, or one that stays needs it; nothing is deleted then.

        """
        held = [copy.name for copy in copies if copy.held]
        if held:
            raise PermanentError(f"{', '.join(held)} are held: nothing was deleted")
        wanted = {copy.facts["label"] for copy in copies}
        there = {copy.facts["label"]: copy for copy in self.copies()}
        for label, copy in there.items():
            needed = wanted.intersection(copy.facts["needs"])
            if label not in wanted and needed:
                raise PermanentError(
                    f"{copy.name} needs {', '.join(sorted(needed))}: delete both or none; nothing was deleted"
                )
        for label in sorted(wanted & there.keys(), reverse=True):  # those that need others come after them
            self.stanza.call("expire", f"--set={label}", moves_data=True)

    def reclaim(self) -> None:
        """Remove the WAL that is older than the oldest full backup; newer WAL is never removed."""
        full = sum(copy.facts["kind"] == "full" for copy in self.copies())
        if full:
            words = (f"--repo1-retention-full={full}", f"--repo1-retention-archive={full}")
            self.stanza.call("expire", *words, "--repo1-retention-archive-type=full", moves_data=True)

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a copy up to the checksums of its files and of the WAL from it on.

        before: where it holds a proof of this copy's checksums, its files are not read again.
        """
        at, where = self.now(), {"reference": copy.reference}
        now = {one.facts["label"]: one for one in self.copies()}
        found = now.get(copy.facts["label"])
        if found is None:
            gone = f"{copy.name} is gone from stanza {self.stanza.name}"
            return [Proof(Level.EXISTS, at, [gone], where)]
        proofs = [
            Proof(Level.EXISTS, at, (), where),
            Proof(Level.COMPLETE, at, list(found.problems), dict(found.facts)),
        ]
        known = [p for p in before if p.holds and p.level is Level.CHECKSUMS and p.evidence.get("label")]
        if any(p.evidence["label"] == copy.facts["label"] for p in known):
            return proofs
        if proofs[-1].holds:
            problems, evidence = damage(self.stanza, found)
            proofs.append(Proof(Level.CHECKSUMS, at, problems, evidence))
        return proofs

    def archive_gaps(self) -> list[str]:
        """Return the names of the WAL segments that are missing inside the archive, for each timeline."""
        archive = self.stanza.archive()
        ways = [
            gaps(timeline, forks_of(timeline, archive.histories), archive.segments, archive.size)
            for timeline in archive.timelines
        ]
        return sorted({name for way in ways for name in way})

    def _kind(self) -> str:
        full = [copy.started_at for copy in self.copies() if copy.facts["kind"] == "full"]
        due = self.full_every is not None and full and self.now() - max(full) >= self.full_every
        return "full" if due else self.kind

    def _copy(self, row: Mapping[str, Any], archive: Archive, cipher: str) -> Copy:
        label = str(row["label"])
        name = _name(row)
        own = own_gaps(base(row, self.stanza.segment_bytes), archive)
        problems = [f"{name} needs WAL segment {one}, which is not in the archive" for one in own]
        if self.encryption == "aes-256-cbc" != cipher:
            problems.append(f"{name} is not encrypted: the repository of {self.stanza.name} has no cipher")
        if row.get("error"):
            problems.append(
                f"{name} has data pages with wrong checksums: look at pgbackrest info --set={label}"
            )
        return Copy(
            name=name,
            reference=f"{self.stanza.name}/{label}",
            started_at=_moment(row["timestamp"]["start"]),
            ended_at=_moment(row["timestamp"]["stop"]),
            bytes=int(row["info"]["repository"]["delta"]),
            # What encrypts below pgBackRest, such as a bucket, is not seen.
            encryption=cipher if cipher != "none" or self.encryption in ("none", "aes-256-cbc") else None,
            facts={
                "label": label,
                "kind": str(row["type"]),
                "needs": list(row.get("reference") or ()),
                "wal_start": str(row["archive"]["start"]),
                "wal_stop": str(row["archive"]["stop"]),
                "end_lsn": str(row["lsn"]["stop"]),
                "database_bytes": int(row["info"]["size"]),
            },
            problems=problems,
        )


def base(row: Mapping[str, Any], size: int) -> Base:
    """Return the base backup that a row of pgBackRest's `info` is."""
    start, stop = (parse_segment(str(row["archive"][end]), size) for end in ("start", "stop"))
    if start is None or stop is None:
        raise BadAnswer(f"pgbackrest info: backup {row['label']} names no WAL: was it made offline?")
    ended = _moment(row["timestamp"]["stop"])
    return Base(str(row["label"]), start, stop, parse_lsn(str(row["lsn"]["stop"])), ended)


def _name(row: Mapping[str, Any]) -> str:
    return str((row.get("annotation") or {}).get(NAME, UNNAMED + str(row["label"])))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
