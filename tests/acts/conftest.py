"""A ledger, S3, and the act of a run of the shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.acts.runs import BUCKET, SHOP
from tests.servers.aws import REGION, Aws, aws
from tests.servers.ledger import empty_database, ledger, postgres_server
from tests.servers.situation import ClientsOf, make_system

from upkeep.acts.model import Act

__all__ = ["empty_database", "ledger", "postgres_server"]

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="package")
def cloud() -> Iterator[Aws]:
    with aws() as found:
        where = {"LocationConstraint": REGION}
        found["s3"].create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        found["s3"].put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield found


@pytest.fixture
def act(ledger: Engine) -> Callable[..., Act]:
    """Make the act of a stage; what is not given is that of one run in its first attempt."""

    def make(**given: Any) -> Act:
        parts = given.pop("parts", {})
        values: dict[str, Any] = {
            "system_id": "shop",
            "system": make_system(**SHOP | parts),
            "clients": ClientsOf(),
            "engine": ledger,
            "task_id": "file",
            "label": "20261121t140500z-1a2b3c4d",
            "began_at": NOW,
            "now": NOW + timedelta(minutes=1),
            "dry_run": False,
            "form": {},
            "carried": {},
            "run": ("shop_file", "manual__1"),
            "attempt": 0,
        }
        return Act(**values | given)

    return make
