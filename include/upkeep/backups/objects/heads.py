"""What S3 knows of one version of an object, without its data."""

from __future__ import annotations

from typing import Any

from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import PermanentError


def head(client: Any, bucket: str, key: str, version_id: str) -> dict[str, Any]:
    """Return what S3 knows of one version; raises NotFoundError, and PermanentError for a delete marker."""
    from botocore.exceptions import ClientError

    where = f"s3://{bucket}/{key} version {version_id}"
    with aws_errors(where):
        found: dict[str, Any]
        try:
            found = client.head_object(Bucket=bucket, Key=key, VersionId=version_id, ChecksumMode="ENABLED")
        except ClientError as e:
            # An answer to HEAD has no body that would say more than its status.
            headers = e.response["ResponseMetadata"].get("HTTPHeaders", {})
            status = e.response["ResponseMetadata"].get("HTTPStatusCode")
            if status == 405 or headers.get("x-amz-delete-marker") == "true":
                raise PermanentError(
                    f"{where} is a delete marker: it has no data; choose an older one"
                ) from e
            if status in (400, 404):
                raise NotFoundError(f"{where}: there is none; list the versions of the key") from e
            raise
        return found


def current(client: Any, bucket: str, key: str) -> dict[str, Any] | None:
    """Return what S3 knows of the current version of a key, None where there is none."""
    try:
        with aws_errors(f"s3://{bucket}/{key}"):
            found: dict[str, Any] = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            return found
    except NotFoundError:
        return None
