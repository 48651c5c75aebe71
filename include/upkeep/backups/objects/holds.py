"""Legal holds and object locks: which versions S3 itself must not lose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from upkeep.backups.objects.heads import head
from upkeep.backups.objects.versions import ObjectVersion
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.errors import aws_errors

_NOT_CONFIGURED = "ObjectLockConfigurationNotFoundError"


def lock_of(client: Any, bucket: str, now: datetime) -> Callable[[ObjectVersion], str | None]:
    """Return what says why a version must not be deleted, None where nothing forbids it.

    One request a version, and none in a bucket without object lock. S3 tells of a hold only who may read it
    (s3:GetObjectLegalHold, s3:GetObjectRetention); from anybody else it refuses the deletion all the same.
    client: boto3's `s3`. Raises, then or when asked, TemporaryError, ConfigurationError, NotFoundError.
    """
    if not _enabled(client, bucket):
        return lambda _: None

    def why(one: ObjectVersion) -> str | None:
        return None if one.delete_marker else _lock(client, bucket, one, now)

    return why


def _enabled(client: Any, bucket: str) -> bool:
    from botocore.exceptions import ClientError

    with aws_errors(f"s3://{bucket}"):
        try:
            found = client.get_object_lock_configuration(Bucket=bucket)
        except ClientError as e:
            if e.response["Error"]["Code"] == _NOT_CONFIGURED:
                return False
            raise
    return bool(found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")


def _lock(client: Any, bucket: str, one: ObjectVersion, now: datetime) -> str | None:
    try:
        found = head(client, bucket, one.key, one.version_id)
    except NotFoundError:  # deleted since it was listed
        return None
    if found.get("ObjectLockLegalHoldStatus") == "ON":
        return "under legal hold"
    until = found.get("ObjectLockRetainUntilDate")
    return "under object lock" if until is not None and until > now else None
