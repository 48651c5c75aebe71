"""S3: lists of objects, and what is known of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.clients.aws.errors import aws_errors, page_items


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in a list. etag: without quotes."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str
    storage_class: str


@dataclass(frozen=True)
class S3Head:
    """What S3 knows of an object. encryption: `AES256`, `aws:kms`, None if it is not encrypted by S3.

    metadata: what the writer attached, keys in lower case.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str
    storage_class: str
    version_id: str | None
    encryption: str | None
    kms_key: str | None
    metadata: Mapping[str, str]


def s3_objects(client: Any, bucket: str, prefix: str = "") -> Iterator[S3Object]:
    """Yield the objects under a prefix, in the order of their keys, page by page.

    client: boto3's `s3`. Raises TemporaryError, ConfigurationError, NotFoundError (no bucket), BadAnswer.
    """
    where = f"s3://{bucket}/{prefix}"
    with aws_errors(where):
        wanted = {"Bucket": bucket, "Prefix": prefix}
        for row in page_items(client, "list_objects_v2", wanted, "Contents", where):
            yield S3Object(
                key=row["Key"],
                size_bytes=row["Size"],
                modified_at=row["LastModified"].astimezone(UTC),
                etag=str(row.get("ETag", "")).strip('"'),
                storage_class=str(row.get("StorageClass", "STANDARD")),
            )


def s3_head(client: Any, bucket: str, key: str) -> S3Head:
    """Return what S3 knows of one object; raises what `s3_objects` raises."""
    with aws_errors(f"s3://{bucket}/{key}"):
        found = client.head_object(Bucket=bucket, Key=key)
        return S3Head(
            key=key,
            size_bytes=found["ContentLength"],
            modified_at=found["LastModified"].astimezone(UTC),
            etag=str(found.get("ETag", "")).strip('"'),
            storage_class=str(found.get("StorageClass", "STANDARD")),
            version_id=found.get("VersionId"),
            encryption=found.get("ServerSideEncryption"),
            kms_key=found.get("SSEKMSKeyId"),
            metadata={name.lower(): value for name, value in found.get("Metadata", {}).items()},
        )
