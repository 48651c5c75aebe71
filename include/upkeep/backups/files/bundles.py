"""A Git repository, exported whole as one bundle in S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.kubernetes.repository import GitLogin, Repository
from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.objects.removal import remove_objects
from upkeep.backups.scratch import scratch
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.download import read_object
from upkeep.clients.aws.errors import aws_errors
from upkeep.clients.aws.multipart import MultipartUpload, abort_uploads
from upkeep.clients.aws.s3 import s3_head, s3_objects
from upkeep.errors import DamagedBackup, PermanentError

BUNDLE, NOTE = ".bundle", ".bundle.json"
PIECE = 1024 * 1024


@dataclass(frozen=True)
class GitBundles:
    """Backs up all branches and tags of a repository; a Method.

    client: boto3's `s3`. options: of the stored objects, such as ServerSideEncryption.
    """

    client: Any
    bucket: str
    prefix: str
    url: str
    login: GitLogin = field(default_factory=GitLogin)
    branch: str = "main"
    options: Mapping[str, Any] = field(default_factory=dict)

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished: its note is written last."""
        key = f"{self.prefix}{name}{NOTE}"
        try:
            text = b"".join(read_object(self.client, self.bucket, key))
        except NotFoundError:
            return None
        return self._copy(json.loads(text))

    def make(self, name: str) -> Copy:
        """Fetch everything and store it as one bundle, unless there is one of this name."""
        if found := self.find(name):
            return found
        key = f"{self.prefix}{name}{BUNDLE}"
        abort_uploads(self.client, self.bucket, key)
        started = datetime.now(UTC)
        with self.repository() as repository:
            self._fetch(repository)
            refs = repository.run("for-each-ref", "--format=%(objectname) %(refname)").split("\n")
            file = repository.folder.parent / "export.bundle"
            repository.run("bundle", "create", "--quiet", str(file), "--all")
            with (
                file.open("rb") as data,
                MultipartUpload(self.client, self.bucket, key, self.options) as upload,
            ):
                while piece := data.read(PIECE):
                    upload.write(piece)
                stored = upload.finish()
        note = {
            "name": name,
            "started_at": started.isoformat(),
            "ended_at": datetime.now(UTC).isoformat(),
            "bytes": stored.bytes,
            "sha256": stored.sha256,
            "refs": [ref for ref in refs if ref],
        }
        with aws_errors(f"s3://{self.bucket}/{key}"):
            body = json.dumps(note).encode()
            self.client.put_object(
                Bucket=self.bucket, Key=f"{self.prefix}{name}{NOTE}", Body=body, **self.options
            )
        return self._copy(note)

    def copies(self) -> Iterator[Copy]:
        """Yield all that are finished."""
        for one in s3_objects(self.client, self.bucket, self.prefix):
            if one.key.endswith(NOTE) and (found := self.find(self._name(one.key))):
                yield found

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete copies with all their versions, the note first: half a copy must not look whole."""
        for copy in copies:
            keys = [f"{self.prefix}{copy.name}{suffix}" for suffix in (NOTE, BUNDLE)]
            remove_objects(self.client, self.bucket, keys)

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Compare size and checksum with the note, then let Git read every object of the bundle."""
        del before  # a repository of configuration is small: all of it is read in any case
        key = f"{self.prefix}{copy.name}{BUNDLE}"
        complete: list[str] = []
        try:
            size = s3_head(self.client, self.bucket, key).size_bytes
        except NotFoundError:
            return [_proof(Level.COMPLETE, [f"s3://{self.bucket}/{key} is gone"])]
        if size != copy.bytes:
            complete.append(f"s3://{self.bucket}/{key} has {size:,} bytes, its note says {copy.bytes:,}")
        return [_proof(Level.COMPLETE, complete), _proof(Level.CHECKSUMS, self._damage(copy))]

    @contextmanager
    def opened(self, copy: Copy) -> Iterator[Repository]:
        """Yield a repository of its own with all refs of a copy below `refs/checked/`; it goes afterwards.

        Raises DamagedBackup where the bytes were changed or Git finds an object that is not as it was.
        """
        key = f"{self.prefix}{copy.name}{BUNDLE}"
        digest = hashlib.sha256()
        with self.repository() as repository:
            file = repository.folder.parent / "checked.bundle"
            with file.open("wb") as out:
                for piece in read_object(self.client, self.bucket, key):
                    digest.update(piece)
                    out.write(piece)
            if digest.hexdigest() != copy.sha256:
                raise DamagedBackup(
                    f"s3://{self.bucket}/{key}: its bytes were changed: the sha256 is not that of its note"
                )
            try:
                repository.run("fetch", "--quiet", str(file), "+refs/*:refs/checked/*")
                repository.run("fsck", "--full", "--strict", "--no-progress")
            except PermanentError as e:
                raise DamagedBackup(f"s3://{self.bucket}/{key}: {e}") from e
            yield repository

    def _damage(self, copy: Copy) -> list[str]:
        try:
            with self.opened(copy):
                return []
        except DamagedBackup as e:
            return [str(e)]

    def _fetch(self, repository: Repository) -> None:
        # Without the refmap Git adds refs/remotes/origin/…, which the repository does not have.
        repository.run("fetch", "--quiet", "--refmap=", "origin", "+refs/*:refs/*")

    @contextmanager
    def repository(self) -> Iterator[Repository]:
        """Yield an empty repository with the remote `origin`; it goes afterwards."""
        with scratch("upkeep-git-") as folder:
            yield Repository(self.url, self.branch, self.login, folder)

    def _copy(self, note: Mapping[str, Any]) -> Copy:
        return Copy(
            name=note["name"],
            reference=f"s3://{self.bucket}/{self.prefix}{note['name']}{BUNDLE}",
            started_at=datetime.fromisoformat(note["started_at"]),
            ended_at=datetime.fromisoformat(note["ended_at"]),
            bytes=note["bytes"],
            sha256=note["sha256"],
            encryption=self.options.get("ServerSideEncryption"),
            facts={"refs": note["refs"]},
        )

    def _name(self, key: str) -> str:
        return key.removeprefix(self.prefix).removesuffix(NOTE)


def _proof(level: Level, problems: Sequence[str]) -> Proof:
    return Proof(level, datetime.now(UTC), list(problems))
