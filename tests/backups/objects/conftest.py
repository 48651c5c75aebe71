"""A running AWS, and buckets that keep versions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.servers.aws import REGION, Aws, aws

# The bench's store of many versions is importable as `bench`.
if (root := str(Path(__file__).parents[3])) not in sys.path:
    sys.path.append(root)

_NUMBERS = count()
DAY = timedelta(days=1)


@pytest.fixture(scope="package")
def cloud() -> Iterator[Aws]:
    with aws() as found:
        yield found


class Bucket:
    """A bucket with versions, whose ages a test chooses."""

    def __init__(self, cloud: Aws, *, lock: bool = False, versioned: bool = True) -> None:
        self.name = f"media-{next(_NUMBERS)}"
        self.s3 = cloud["s3"]
        self.url = cloud.url
        where = {"LocationConstraint": REGION}
        self.s3.create_bucket(
            Bucket=self.name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=lock
        )
        if versioned:
            self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def put(self, key: str, body: bytes, age: float | None = None, **how) -> str:
        """Write a version, so many days old; return its id."""
        found = self.s3.put_object(Bucket=self.name, Key=key, Body=body, **how)["VersionId"]
        self._date(key, age)
        return found

    def delete(self, key: str, age: float | None = None) -> str:
        """Delete an object by a marker; return the marker's id."""
        found = self.s3.delete_object(Bucket=self.name, Key=key)["VersionId"]
        self._date(key, age)
        return found

    def _date(self, key: str, age: float | None) -> None:
        if age is not None:
            stored = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[self.name].keys.getlist(key)[-1]
            stored.last_modified = (datetime.now(UTC) - age * DAY).replace(tzinfo=None)

    def history(self, key: str, *ages: float) -> list[str]:
        """Write versions of these ages, oldest first; return their ids."""
        return [self.put(key, f"{age} days".encode(), age) for age in ages]

    def ids(self, key: str = "") -> list[str]:
        """Return the ids of all versions and markers under a prefix."""
        page = self.s3.list_object_versions(Bucket=self.name, Prefix=key)
        return [one["VersionId"] for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()

    def uploads(self) -> list[str]:
        """Return the keys of copies that were begun and not finished."""
        return [one["Key"] for one in self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]


@pytest.fixture
def buckets(cloud: Aws) -> Callable[..., Bucket]:
    return lambda **how: Bucket(cloud, **how)
