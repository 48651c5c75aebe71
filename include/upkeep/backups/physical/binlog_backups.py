"""The binary log as a policy: each run archives what the server has finished, and notes what that was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Copy, Level, Method, Proof
from upkeep.backups.objects.removal import remove_objects
from upkeep.backups.physical.binlog_archive import Archived, archive_binlogs
from upkeep.backups.physical.binlog_store import S3Store
from upkeep.backups.physical.binlogs import Binlog, read_binlog, run_from
from upkeep.backups.scratch import scratch
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.download import read_object
from upkeep.clients.aws.errors import aws_errors
from upkeep.clients.aws.s3 import s3_head, s3_objects
from upkeep.errors import ConfigurationError, PermanentError

FILES, NOTE = "files", ".json"


@dataclass(frozen=True)
class Told:
    """What is known of an archived file: when its newest transaction was written; others: see Binlog."""

    newest: datetime | None
    others: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BinlogBackups:
    """The `Method` for binary logs under a prefix of a bucket. client: boto3's `s3`.

    A copy is what one run archived. dumps: of the same database; a file that one of them needs stays.
    options: of what is stored, such as ServerSideEncryption.
    """

    server: DatabaseServer
    client: Any
    bucket: str
    prefix: str
    options: Mapping[str, str]
    dumps: Method

    @property
    def store(self) -> S3Store:
        """The files."""
        return S3Store(self.client, self.bucket, f"{self.prefix}{FILES}", self.options)

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is whole: its note is written last."""
        note = self._note(f"{self.prefix}{name}{NOTE}")
        copy = self._copy(note, self.store.sizes(), {}) if note else None
        return None if copy is None or copy.problems else copy

    def make(self, name: str) -> Copy:
        """Archive what the server has finished, up to now, unless there is a copy of this name.

        What a killed attempt archived belongs to this copy. Raises what `archive_binlogs` raises.
        """
        if found := self.find(name):
            return found
        _require_rows(self.server)
        started = datetime.now(UTC)
        done = archive_binlogs(self.server, self.store)
        sizes, notes = self.store.sizes(), [note for note in self.notes() if note["name"] != name]
        noted = {file for note in notes for file in note["files"]}
        files = sorted(sizes.keys() - noted, key=_number)
        note = {
            "name": name,
            "started_at": started.isoformat(),
            "ended_at": datetime.now(UTC).isoformat(),
            "encryption": self._way(files[-1]) if files else "none",
            "files": self._told(files, done),
            "missing": _gap(noted, files),
        }
        key = f"{self.prefix}{name}{NOTE}"
        with aws_errors(f"s3://{self.bucket}/{key}"):
            body = json.dumps(note).encode()
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **self.options)
        return self._copy(note, sizes, {})

    def copies(self) -> Iterator[Copy]:
        """Yield all copies, those that lack files with their problems, each with the dumps that need it."""
        sizes, needed = self.store.sizes(), self._needed()
        for note in self.notes():
            yield self._copy(note, sizes, needed)

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete copies with all their versions, the note last: what is half deleted is found again.

        Raises PermanentError, and deletes nothing, where a dump that is there needs one of them.
        """
        there = {copy.name: copy for copy in self.copies()}
        for copy in copies:
            if needed := there[copy.name].needed_by if copy.name in there else ():
                raise PermanentError(f"{copy.name} is needed by {needed[0]}: nothing was deleted")
        for copy in copies:
            keys = [f"{self.prefix}{FILES}/{file}" for file in copy.facts["files"]]
            remove_objects(self.client, self.bucket, [*keys, f"{self.prefix}{copy.name}{NOTE}"])

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a copy: its files are there and leave no gap, then every event's checksum.

        before: where it holds a proof of this copy's checksums, its files are not read again.
        """
        note = self._note(f"{self.prefix}{copy.name}{NOTE}")
        if note is None:
            return [_proof(Level.EXISTS, [f"{copy.name} is gone from s3://{self.bucket}/{self.prefix}"])]
        now = self._copy(note, self.store.sizes(), {})
        proofs = [_proof(Level.COMPLETE, now.problems, files=len(note["files"]))]
        known = [p for p in before if p.holds and p.level is Level.CHECKSUMS]
        if proofs[0].holds and not any(p.evidence.get("name") == copy.name for p in known):
            damaged = [problem for file in note["files"] for problem in self._damage(file)]
            proofs.append(_proof(Level.CHECKSUMS, damaged, name=copy.name, files=len(note["files"])))
        return proofs

    def notes(self) -> list[dict[str, Any]]:
        """Return what each run archived, oldest first: its `files`, each with `bytes`, `newest`, `others`."""
        keys = [one.key for one in s3_objects(self.client, self.bucket, self.prefix)]
        own = [key for key in keys if key.endswith(NOTE) and "/" not in key.removeprefix(self.prefix)]
        notes = [note for key in own if (note := self._note(key))]
        return sorted(notes, key=lambda note: str(note["started_at"]))

    def told(self) -> dict[str, Told]:
        """Return what is known of each archived file."""
        every = {file: told for note in self.notes() for file, told in note["files"].items()}
        return {
            file: Told(datetime.fromisoformat(one["newest"]) if one["newest"] else None, tuple(one["others"]))
            for file, one in every.items()
        }

    def _needed(self) -> dict[str, str]:
        """Return the files from which dumps go on, and the dump's name."""
        return {
            copy.facts["binlog"]["file"]: copy.name for copy in self.dumps.copies() if "binlog" in copy.facts
        }

    def _copy(self, note: Mapping[str, Any], sizes: Mapping[str, int], needed: Mapping[str, str]) -> Copy:
        where, files = f"s3://{self.bucket}/{self.prefix}{FILES}", note["files"]
        problems = [f"{one} was removed from the server before it was archived" for one in note["missing"]]
        for file, told in files.items():
            if sizes.get(file) != told["bytes"]:
                there = f"has {sizes[file]:,} bytes, not {told['bytes']:,}" if file in sizes else "is gone"
                problems.append(f"{where}/{file} {there}")
        last = max(files, default="", key=_number)
        return Copy(
            name=note["name"],
            reference=f"s3://{self.bucket}/{self.prefix}{note['name']}{NOTE}",
            started_at=datetime.fromisoformat(note["started_at"]),
            ended_at=datetime.fromisoformat(note["ended_at"]),
            bytes=sum(told["bytes"] for told in files.values()),
            encryption=note["encryption"],
            facts={"files": sorted(files, key=_number)},
            problems=problems,
            needed_by=sorted(dump for first, dump in needed.items() if last and _reaches(last, first)),
        )

    def _told(self, files: Sequence[str], done: Archived) -> dict[str, dict[str, Any]]:
        """Return what a note says of files; those of a killed attempt are read again."""
        read = {one.name: one for one in done.read}
        every = {file: read.get(file) or self._read(file) for file in files}
        return {
            file: {
                "bytes": one.bytes,
                "newest": one.newest.isoformat() if one.newest else None,
                "others": list(one.others),
            }
            for file, one in every.items()
        }

    def _damage(self, file: str) -> list[str]:
        found = self._read(file)
        cut = [] if found.closed or found.problems else [f"{file} is cut off at its end"]
        return [f"s3://{self.bucket}/{self.prefix}: {one}" for one in (*found.problems, *cut)]

    def _read(self, file: str) -> Binlog:
        with scratch("upkeep-binlog-") as folder:
            return read_binlog(self.store.get(file, folder), self.server.database)

    def _way(self, file: str) -> str:
        return s3_head(self.client, self.bucket, f"{self.prefix}{FILES}/{file}").encryption or "none"

    def _note(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(b"".join(read_object(self.client, self.bucket, key)))
        except NotFoundError:
            return None
        return found


def _require_rows(server: DatabaseServer) -> None:
    """Refuse a log of statements: those of one database could not be told from those of another."""
    with server.session() as session:
        kind = str(session.value("SELECT @@GLOBAL.binlog_format"))
    if kind.upper() != "ROW":
        raise ConfigurationError(
            f"{server.where}: its binlog_format is {kind}; set ROW, for statements do not tell whose they are"
        )


def _gap(earlier: set[str], files: Sequence[str]) -> list[str]:
    """Return the files that are missing between those that were archived before and these."""
    if not files:
        return []
    before = [file for file in earlier if _reaches(files[0], file)]
    return list(run_from({*before, *files}, max(before or files[:1], key=_number)).missing)


def _reaches(file: str, first: str) -> bool:
    """Whether a file is `first` or comes after it in the same sequence."""
    return file.rpartition(".")[0] == first.rpartition(".")[0] and _number(file) >= _number(first)


def _number(file: str) -> int:
    return int(file.rpartition(".")[2])


def _proof(level: Level, problems: Sequence[str], **evidence: Any) -> Proof:
    return Proof(level, datetime.now(UTC), list(problems), evidence)
