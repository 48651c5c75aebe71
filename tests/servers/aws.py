"""AWS by moto, in this process, so that a test can date what it makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends

from upkeep.clients.aws import client_config

REGION = "eu-central-1"


@cache
def aws_client(service: str, url: str, timeout_seconds: float = 10) -> Any:
    """Return a boto3 client for a server; one for each, for making one takes long."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=client_config(timeout_seconds),
    )


def instances(rds: Any, prefix: str = "") -> list[str]:
    """Return the database instances that are there, by the beginning of their names."""
    # Page by page: the tests of one process share moto, and the first page has a hundred.
    pages = rds.get_paginator("describe_db_instances").paginate()
    names = (one["DBInstanceIdentifier"] for page in pages for one in page["DBInstances"])
    return sorted(name for name in names if name.startswith(prefix))


@dataclass
class Aws:
    """A running AWS, and its clients by service."""

    url: str

    def __getitem__(self, service: str) -> Any:
        return aws_client(service, self.url)

    def bucket(self, name: str) -> None:
        """Make an empty bucket, whatever there was."""
        # Not by requests: versions, markers and locks of another test would have to go first.
        get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets.pop(name, None)
        s3_backends.bucket_accounts.pop(name, None)
        self["s3"].create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(self, bucket: str, key: str, body: bytes, at: datetime | None = None, **how: Any) -> None:
        """Write an object, last changed at a time of the test's choice."""
        self["s3"].put_object(Bucket=bucket, Key=key, Body=body, **how)
        if at is not None:
            stored = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys[key]
            stored.last_modified = at.replace(tzinfo=None)

    def instance(self, name: str, *, encrypted: bool = True, size_gib: int = 100) -> None:
        """Make a database instance."""
        self["rds"].create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.m5.large",
            Engine="mysql",
            MasterUsername="admin",
            MasterUserPassword="not-a-secret",
            AllocatedStorage=size_gib,
            StorageEncrypted=encrypted,
        )

    def snapshot(self, instance: str, name: str, at: datetime, **facts: Any) -> None:
        """Take a snapshot at a time of the test's choice; `facts` are moto's own attributes of it."""
        self["rds"].create_db_snapshot(DBInstanceIdentifier=instance, DBSnapshotIdentifier=name)
        made = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].database_snapshots[name]
        for fact, value in {"created": at.replace(tzinfo=None), **facts}.items():
            setattr(made, fact, value)


@contextmanager
def aws() -> Iterator[Aws]:
    """Run moto until the block ends."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Aws(f"http://{host}:{port}")
    finally:
        server.stop()
        server._server.server_close()  # type: ignore[union-attr]
