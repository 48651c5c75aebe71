"""A bucket's prefix with dumps in it: which there are, which are whole, and how one goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.dumps.manifest import SUFFIX, Manifest, read_manifest, split
from upkeep.backups.model import Copy
from upkeep.backups.objects.deletion import delete_versions
from upkeep.backups.objects.removal import remove_objects, versions_of
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.errors import aws_errors
from upkeep.clients.aws.multipart import abort_uploads, unfinished_uploads
from upkeep.clients.aws.s3 import S3Head, S3Object, s3_head, s3_objects
from upkeep.errors import BadAnswer, PermanentError


@dataclass(frozen=True)
class Store:
    """Dumps under `prefix` whose keys end in one of `suffixes`. client: boto3's `s3`."""

    client: Any
    bucket: str
    prefix: str
    suffixes: tuple[str, ...]

    def head(self, key: str) -> S3Head | None:
        """Return what S3 knows of an object, None if it is gone."""
        try:
            return s3_head(self.client, self.bucket, key)
        except NotFoundError:
            return None

    def find(self, name: str) -> Manifest | None:
        """Return the manifest of the dump of this name, if it is there with an object of that size."""
        for suffix in self.suffixes:
            found = read_manifest(self.client, self.bucket, f"{self.prefix}{name}{suffix}")
            if found is not None:
                head = self.head(found.key)
                if head is not None and head.size_bytes == found.bytes:
                    return found
        return None

    def copies(self) -> Iterator[Copy]:
        """Yield every dump, and what is left of those that were not finished, in the order of their keys."""
        objects: dict[str, S3Object] = {}
        manifests: set[str] = set()
        begun: dict[str, datetime] = {}
        for one in s3_objects(self.client, self.bucket, self.prefix):
            if one.key.endswith(SUFFIX) and self._name(key := one.key.removesuffix(SUFFIX)):
                manifests.add(key)
            elif self._name(one.key):
                objects[one.key] = one
        for upload in unfinished_uploads(self.client, self.bucket, self.prefix):
            if self._name(upload["Key"]):
                begun[upload["Key"]] = upload["Initiated"].astimezone(UTC)
        for key in sorted({*objects, *manifests, *begun}):
            yield self._copy(key, objects.get(key), key in manifests, begun.get(key))

    def held(self, key: str) -> bool:
        """Whether a legal hold or a lock keeps the object."""
        try:
            with aws_errors(f"s3://{self.bucket}/{key}"):
                found = self.client.head_object(Bucket=self.bucket, Key=key)
        except NotFoundError:
            return False
        until = found.get("ObjectLockRetainUntilDate")
        locked = until is not None and until > datetime.now(UTC)
        return found.get("ObjectLockLegalHoldStatus") == "ON" or locked

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete dumps with all their versions; manifests first, so that half a deletion looks unfinished."""
        keys = [self._own(copy) for copy in copies]
        if kept := [key for copy, key in zip(copies, keys, strict=True) if copy.held or self.held(key)]:
            raise PermanentError(f"s3://{self.bucket}: held, and never deleted: {', '.join(sorted(kept))}")
        for key in keys:
            abort_uploads(self.client, self.bucket, key)
        remove_objects(self.client, self.bucket, [*(key + SUFFIX for key in keys), *keys])

    def delete_earlier(self, key: str, version_id: str | None) -> None:
        """Delete what attempts that were killed left of an object, in a bucket that keeps versions."""
        if version_id is not None:
            # Where the bucket locks every object, they stay until their lock ends: no reason to fail.
            found = versions_of(self.client, self.bucket, key)
            with suppress(PermanentError):
                earlier = [(one.key, one.version_id) for one in found if one.version_id != version_id]
                delete_versions(self.client, self.bucket, earlier)

    def _own(self, copy: Copy) -> str:
        bucket, key = split(copy.reference)
        if bucket != self.bucket or self._name(key) is None:
            raise PermanentError(f"{copy.reference} is no dump under s3://{self.bucket}/{self.prefix}")
        return key

    def _name(self, key: str) -> str | None:
        """Return the name in a key, None if it is not that of a dump here."""
        for suffix in self.suffixes:
            if key.startswith(self.prefix) and key.endswith(suffix):
                name = key[len(self.prefix) : -len(suffix)]
                return name if name and "/" not in name else None
        return None

    def _copy(self, key: str, one: S3Object | None, has_manifest: bool, begun: datetime | None) -> Copy:
        where = f"s3://{self.bucket}/{key}"
        problem = f"{where}: there is no manifest: the dump was not finished, or only its object was copied"
        if has_manifest:
            try:
                manifest = read_manifest(self.client, self.bucket, key)
            except BadAnswer as e:
                problem = str(e)
            else:
                if manifest is not None and one is not None and one.size_bytes == manifest.bytes:
                    return manifest.copy(self.bucket)
                problem = f"{where}: there is a manifest, but the object is gone"
                if one is not None and manifest is not None:
                    problem = (
                        f"{where} has {one.size_bytes:,} bytes; its manifest says {manifest.bytes:,}: "
                        "it is cut off or was replaced"
                    )
        elif one is None:
            problem = f"{where}: the upload was begun and not finished"
        at = one.modified_at if one else begun or datetime.fromtimestamp(0, UTC)
        name = self._name(key) or key
        return Copy(name, where, at, at, one.size_bytes if one else None, problems=(problem,))
