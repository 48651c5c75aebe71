"""Inventory and retention over 100,000 object versions, against a bare paginator over the same."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.rows import Row, ratio
from sandbox.memory import peak_kib
from upkeep.backups.objects.expiring import VersionRules
from upkeep.backups.objects.expiry import delete_planned, plan_versions
from upkeep.catalog.models.backups import Keep
from upkeep.clients.aws import client_config

VERSIONS = 100_000
RULES = VersionRules(
    Keep(hourly_days=2, daily_days=7, weekly_weeks=2),
    "Europe/Berlin",
    datetime(2026, 11, 3, 12, tzinfo=UTC),
)
"""Rules by which about half of what the store has expires."""

STORE = Path(__file__).parent / "version_store.py"


def rows(folder: Path) -> Iterator[Row]:
    """Yield the row of retention."""
    del folder  # nothing is written
    with store(VERSIONS) as url:
        client = client_of(url)
        value = ratio(lambda: _ours(client), lambda: _bare(client), rounds=3)
        note = f"{_bare(client):.1f} s bare"
        yield Row("retention.100k_versions", value, "x a bare paginator", 1.2, note)


@contextmanager
def store(count: int) -> Iterator[str]:
    """Run a store of so many versions, in a process of its own, and yield its URL."""
    with subprocess.Popen(
        [sys.executable, str(STORE), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.stdin.close()


def client_of(url: str) -> Any:
    """Return boto3's client for a store."""
    import boto3

    return boto3.client(
        "s3", "eu-central-1", endpoint_url=url, config=client_config(60),
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip


def _ours(client: Any) -> float:
    begin = time.perf_counter()
    plan = plan_versions(client, "media", "files/", RULES)
    seconds = time.perf_counter() - begin
    if plan["versions"] != VERSIONS or not VERSIONS / 4 < plan["expiring"] < VERSIONS * 3 / 4:
        raise RuntimeError(f"{plan['expiring']} of {plan['versions']} versions expire")
    return seconds


def _bare(client: Any) -> float:
    begin, seen = time.perf_counter(), 0
    for page in client.get_paginator("list_object_versions").paginate(Bucket="media", Prefix="files/"):
        seen += len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ()))
    if seen != VERSIONS:
        raise RuntimeError(f"only {seen} versions were listed")
    return time.perf_counter() - begin


def main() -> None:
    """Plan and delete what a store has, and print the peak of resident memory in KiB, for the tests."""
    client = client_of(sys.argv[1])
    plan = plan_versions(client, "media", "files/", RULES)
    deleted = delete_planned(client, plan)
    print(plan["versions"], plan["expiring"], deleted, peak_kib())


if __name__ == "__main__":
    main()
