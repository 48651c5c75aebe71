"""Objects of our own removed for good: in a bucket that keeps versions, with all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.objects.deletion import delete_versions
from upkeep.backups.objects.holds import lock_of
from upkeep.backups.objects.versions import ObjectVersion, versions
from upkeep.errors import PermanentError


def versions_of(client: Any, bucket: str, key: str) -> Iterator[ObjectVersion]:
    """Yield all versions of one object and the marks of its deletion; without versioning, the object."""
    return (one for one in versions(client, bucket, key) if one.key == key)


def remove_objects(client: Any, bucket: str, keys: Sequence[str]) -> None:
    """Remove objects with all their versions, in the order of the keys; one that is gone is no error.

    Raises PermanentError before anything is removed where a version is under legal hold or object lock, and
    what `delete_versions` raises. client: boto3's `s3`.
    """
    locked = lock_of(client, bucket, datetime.now(UTC))
    there = [one for key in keys for one in versions_of(client, bucket, key)]
    if held := sorted({f"{one.key} is {why}" for one in there if (why := locked(one))}):
        raise PermanentError(f"s3://{bucket}: nothing is removed: {'; '.join(held)}")
    for key in keys:
        delete_versions(client, bucket, [(one.key, one.version_id) for one in there if one.key == key])
