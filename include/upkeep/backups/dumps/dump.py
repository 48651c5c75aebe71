"""What dumps of all engines share: the name of the object, its encryption, the upload and the manifest."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from upkeep.backups.dumps import age, stream
from upkeep.backups.dumps.manifest import Manifest, write_manifest
from upkeep.backups.dumps.programs import Program
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.dumps.store import Store
from upkeep.backups.model import Copy, Proof
from upkeep.clients.aws.multipart import MultipartUpload, abort_uploads
from upkeep.errors import ConfigurationError, PermanentError

Encryption = Literal["aws:kms", "AES256", "age", "none"]
AGE = ".age"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True)
class Written:
    """What is known when the program has ended well."""

    program: Program
    server_version: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Dump(ABC):
    """A database's dumps under a prefix of a bucket, streamed there without a copy on disk.

    client: boto3's `s3`. prefix: with its `/`. kms_key_id: for `aws:kms`; None means the bucket's key.
    recipients, identities: age's public keys to encrypt to, and secret ones to read with; without the
    latter the contents of an encrypted dump are not examined. count_seconds: after this long, tables whose
    rows are not counted stay so. smallest_bytes: a dump smaller than this cannot be complete. stall_seconds:
    a program that writes nothing for so long is ended.
    """

    server: DatabaseServer
    client: Any
    bucket: str
    prefix: str = ""
    encryption: Encryption = "aws:kms"
    kms_key_id: str | None = None
    recipients: Sequence[str] = ()
    identities: Sequence[str] = field(default=(), repr=False)
    count_seconds: float = 300
    smallest_bytes: int = 1
    stall_seconds: float = 600

    engine: ClassVar[str]
    format: ClassVar[str]

    def __post_init__(self) -> None:
        if self.server.engine != self.engine:
            raise ConfigurationError(f"{self.server.where} is not for {type(self).__name__}")
        if self.encryption == "age" and not self.recipients:
            raise ConfigurationError(f"{self.where}: to encrypt with age, name at least one recipient")

    @property
    def where(self) -> str:
        """Where the dumps are, for messages."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def store(self) -> Store:
        """The dumps that are there."""
        return Store(self.client, self.bucket, self.prefix, (f".{self.format}", f".{self.format}{AGE}"))

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished."""
        found = self.store.find(self._named(name))
        return found.copy(self.bucket, self.store.held(found.key)) if found else None

    def make(self, name: str) -> Copy:
        """Dump the database under this name; one that is finished is returned as it is.

        What a killed attempt left under the name is removed. The program's exit status decides: a dump
        that died never becomes an object. Raises TemporaryError, ConfigurationError, PermanentError.
        """
        found = self.find(name)
        if found is not None:
            if found.facts["database"] != self.server.database:
                raise PermanentError(
                    f"{found.reference} is a dump of {found.facts['database']!r}, "
                    f"not of {self.server.database!r}: choose another name"
                )
            return found
        suffix = f".{self.format}{AGE if self.encryption == 'age' else ''}"
        key = f"{self.prefix}{name}{suffix}"
        abort_uploads(self.client, self.bucket, key)
        started_at = datetime.now(UTC)
        with MultipartUpload(self.client, self.bucket, key, self._options()) as upload, ExitStack() as stack:
            sink: stream.Sink = stream.Open(upload.write)
            if self.encryption == "age":
                sink = stack.enter_context(age.encrypt(sink, self.recipients, f"s3://{self.bucket}/{key}"))
            written = self._write(sink)
            stored = upload.finish()
        self.store.delete_earlier(key, stored.version_id)
        manifest = Manifest(
            name=name,
            key=key,
            format=suffix.removeprefix("."),
            engine=self.engine,
            database=self.server.database,
            server_version=written.server_version,
            program=written.program.text,
            encryption=self.encryption,
            kms_key_id=self.kms_key_id,
            recipients=list(self.recipients) if self.encryption == "age" else [],
            bytes=stored.bytes,
            sha256=stored.sha256,
            parts=stored.parts,
            etag=stored.etag,
            version_id=stored.version_id,
            started_at=started_at,
            ended_at=datetime.now(UTC),
            facts=dict(written.facts),
        )
        write_manifest(self.client, self.bucket, manifest, self._options())
        return manifest.copy(self.bucket)

    def copies(self) -> Iterator[Copy]:
        """Yield all dumps under the prefix, unfinished ones with their problems."""
        return self.store.copies()

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete dumps with their manifests; one that is held is a PermanentError, before any is deleted."""
        self.store.delete(copies)

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a copy: COMPLETE by what S3 knows of it, then CHECKSUMS by reading it once.

        CHECKSUMS that `before` has proven of the same object is not read again: that proof is returned.
        """
        from upkeep.backups.dumps.checking import check

        return check(self, copy, before)

    @abstractmethod
    def _write(self, sink: stream.Sink) -> Written:
        """Run the program into the sink and close it; raise if the program or the sink fails."""

    def _options(self) -> dict[str, Any]:
        if self.encryption not in {"aws:kms", "AES256"}:
            return {}
        key = {"SSEKMSKeyId": self.kms_key_id} if self.encryption == "aws:kms" and self.kms_key_id else {}
        return {"ServerSideEncryption": self.encryption, **key}

    def _named(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"not a name for a backup: {name[:80]!r}; use letters, digits, . _ -")
        return name
