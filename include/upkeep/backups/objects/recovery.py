"""One version of one S3 object brought back: what there is, what would be done, and whether it may be.

Nothing here changes anything; `restoring` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from upkeep.backups.objects.heads import current, head
from upkeep.backups.objects.versions import ObjectVersion, versions
from upkeep.backups.plans import digest
from upkeep.clients.answers import aware
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

RESTORED_FROM = "upkeep-restored-from"
"""The metadata of a restored object: the id of the version that it is a copy of."""

_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}


@dataclass(frozen=True)
class Found:
    """Versions under a prefix. more: there are others that the limit left out."""

    versions: tuple[ObjectVersion, ...]
    more: bool


def find_versions(client: Any, bucket: str, prefix: str, limit: int = 1_000) -> Found:
    """Return the first `limit` versions under a prefix, by key, those of a key newest first.

    client: boto3's `s3`. Raises what `versions` raises.
    """
    found = list(islice(versions(client, bucket, prefix), limit + 1))
    return Found(tuple(found[:limit]), len(found) > limit)


@dataclass(frozen=True)
class Wanted:
    """A version to bring back. at: when this was asked for, with time zone; it names the copy.

    in_place: over the object itself, as its newest version; else beside it, under `target`, which is
    `<key>.restored-<at>` where it is not given.
    """

    bucket: str
    key: str
    version_id: str
    at: datetime
    in_place: bool = False
    target: str | None = None

    @property
    def target_key(self) -> str:
        """The key to write to."""
        if self.in_place:
            return self.key
        return self.target or f"{self.key}.restored-{aware(self.at, 'at'):%Y%m%dT%H%M%SZ}"


def plan_restore(client: Any, wanted: Wanted) -> dict[str, Any]:
    """Return as JSON values what restoring a version will do; refuses before anything is touched.

    `source` and `target` say what is copied to where, `replaces` is the version that will no longer be the
    current one (None where there is none), `done` whether a repeat finds the copy already made, `steps` says
    all of it in words; an approval is bound to `hash`. client: boto3's `s3`. Raises NotFoundError (no such
    bucket or version), PermanentError (a delete marker, an archived version, a bucket without versions, a
    target that exists, the current version in place), TemporaryError, ConfigurationError (rights).
    """
    bucket, key, target = wanted.bucket, wanted.key, wanted.target_key
    where = f"s3://{bucket}/{key} version {wanted.version_id}"
    if target == key and not wanted.in_place:
        raise ConfigurationError(
            f"{where}: the target is the object itself; choose another or ask for in place"
        )
    _require_versions(client, bucket)
    source = head(client, bucket, key, wanted.version_id)
    _require_readable(source, where)
    now = current(client, bucket, target)
    done = now is not None and now["Metadata"].get(RESTORED_FROM) == wanted.version_id
    if wanted.in_place and now is not None and now.get("VersionId") == wanted.version_id:
        raise PermanentError(f"{where} is the current version already: there is nothing to restore")
    if not wanted.in_place and now is not None and not done:
        raise PermanentError(
            f"s3://{bucket}/{target} exists and is no copy of {where}; choose another target"
        )
    plan = {
        "bucket": bucket,
        "source": {
            "key": key,
            "version_id": wanted.version_id,
            "modified_at": source["LastModified"].isoformat(),
            "bytes": source["ContentLength"],
            "etag": source["ETag"].strip('"'),
        },
        "target": target,
        "in_place": wanted.in_place,
        "replaces": None if done or now is None else now.get("VersionId"),
        "done": done,
        "steps": _steps(wanted, source, now, done),
    }
    return plan | {"hash": digest(plan)}


def _require_versions(client: Any, bucket: str) -> None:
    with aws_errors(f"s3://{bucket}"):
        status = client.get_bucket_versioning(Bucket=bucket).get("Status")
    if status not in ("Enabled", "Suspended"):
        raise PermanentError(f"s3://{bucket} keeps no versions: versioning was never enabled")


def _require_readable(source: dict[str, Any], where: str) -> None:
    """Refuse a version that lies in an archive and was not brought out of it."""
    archive = source.get("ArchiveStatus") or source.get("StorageClass", "")
    restore = source.get("Restore", "")
    if 'ongoing-request="true"' in restore:
        raise TemporaryError(f"{where} is on its way out of {archive}; try again when it is there")
    if (archive in _ARCHIVED or source.get("ArchiveStatus")) and 'ongoing-request="false"' not in restore:
        raise PermanentError(
            f"{where} is archived in {archive}: first bring it out with `aws s3api restore-object`, "
            "which takes minutes to days; then ask again"
        )


def _steps(wanted: Wanted, source: dict[str, Any], now: dict[str, Any] | None, done: bool) -> list[str]:
    said = f"version {wanted.version_id} of {wanted.key}, {source['ContentLength']:,} bytes"
    written = f"s3://{wanted.bucket}/{wanted.target_key}"
    if done:
        return [f"{written} is a copy of {said} already: it is only verified"]
    after = "nothing else is changed"
    if wanted.in_place:
        old = f"its current version {now.get('VersionId')}" if now else "its delete marker, if it has one,"
        after = f"{old} stays as an older version"
    return [
        f"copy {said}, to {written}; {after}",
        "compare the copy with the version, byte for byte if need be",
    ]
