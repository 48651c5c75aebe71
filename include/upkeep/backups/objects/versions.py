"""The versions of a bucket's objects, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import BadAnswer


class ObjectVersion(NamedTuple):
    """One version of an object, or a delete marker, which has no size and no etag.

    modified_at: in UTC, to the second. latest: it is what a plain read finds. etag: without quotes.
    """

    key: str
    version_id: str
    size_bytes: int
    modified_at: datetime
    latest: bool
    delete_marker: bool
    etag: str
    storage_class: str


def versions(client: Any, bucket: str, prefix: str = "") -> Iterator[ObjectVersion]:
    """Yield all versions under a prefix by key, those of a key newest first; a page is in memory at a time.

    client: boto3's `s3`. Raises TemporaryError, ConfigurationError, NotFoundError (no bucket), and BadAnswer
    for a listing that ends before its end or is not in the order of keys: never is a part taken for all.
    """
    where = f"versions of s3://{bucket}/{prefix}"
    last, more = "", True
    with aws_errors(where):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            more = page["IsTruncated"]
            for row in _in_order(page):
                key = row["Key"]
                if key < last:
                    raise BadAnswer(f"{where}: {key!r} comes after {last!r}; nothing can be decided by this")
                last = key
                yield ObjectVersion(
                    key,
                    row["VersionId"],
                    row.get("Size", 0),
                    row["LastModified"].astimezone(UTC),
                    row["IsLatest"],
                    "Size" not in row,
                    row.get("ETag", "").strip('"'),
                    row.get("StorageClass", ""),
                )
    if more:
        raise BadAnswer(f"{where}: the listing ends after {last!r} though it says that there is more")


def _in_order(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a page's versions and delete markers, which S3 orders together and botocore takes apart."""
    found: list[dict[str, Any]] = page.get("Versions", [])
    markers = page.get("DeleteMarkers")
    return sorted([*found, *markers], key=_place) if markers else found


def _place(row: dict[str, Any]) -> tuple[str, bool, float]:
    return row["Key"], not row["IsLatest"], -row["LastModified"].timestamp()
