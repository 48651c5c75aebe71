"""Killed workers, a full disk, and a hundred thousand versions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from bench import versions as bench
from bench.version_store import EACH

from upkeep.backups.objects.expiring import VersionRules
from upkeep.backups.objects.expiry import delete_planned, plan_versions
from upkeep.backups.objects.versions import versions
from upkeep.catalog.models.backups import Keep

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'include'}"}


KILLED = """
import json, os, signal, sys
from tests.servers.aws import aws_client
from upkeep.backups.objects import deletion
from upkeep.backups.objects.expiry import delete_planned
deletion.BATCH = 3
url, event, last = sys.argv[1:]
client = aws_client("s3", url)
seen = []
def kill(**_):
    seen.append(1)
    if len(seen) == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
client.meta.events.register(event, kill)
delete_planned(client, json.load(sys.stdin))
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    ("event", "last"),
    [
        ("after-call.s3.ListObjectVersions", 1),
        ("before-call.s3.DeleteObjects", 1),
        ("after-call.s3.DeleteObjects", 1),
        ("after-call.s3.DeleteObjects", 3),
    ],
)
def test_killed_in_the_middle_a_repeat_deletes_the_rest_and_no_more(buckets, event, last):
    bucket = buckets()
    kept, gone = [], []
    for key in ("a", "b"):
        ids = bucket.history(key, 900, 800, 700, 600, 500, 400, 2)
        gone += ids[:5]
        kept += ids[5:]
    by = VersionRules(Keep(daily_days=7), "UTC", datetime.now(UTC))
    plan = plan_versions(bucket.s3, bucket.name, "", by)
    child = subprocess.run(
        [sys.executable, "-c", KILLED, bucket.url, event, str(last)], input=json.dumps(plan), text=True,
        env=ENVIRONMENT, timeout=60, capture_output=True, check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    left = set(bucket.ids())
    assert set(kept) <= left
    assert delete_planned(bucket.s3, plan) == len(left) - len(kept)
    assert set(bucket.ids()) == set(kept)
    assert delete_planned(bucket.s3, plan) == 0


@pytest.mark.integration
def test_memory_does_not_grow_with_the_versions():
    """Plan and deletion of 100,000 versions against 20,000, each in a process of its own."""
    peaks = {}
    for count in (20_000, 100_000):
        with bench.store(count) as url:
            done = subprocess.run(
                [sys.executable, "-m", "bench.versions", url], env=ENVIRONMENT, cwd=ROOT, timeout=300,
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            batches = httpx.get(f"{url}/stats").json()
        listed, expiring, deleted, peaks[count] = map(int, done.stdout.split())
        assert listed == count
        assert deleted == expiring == sum(batches) > count / 4
        assert set(batches[:-1]) == {1_000}
    assert peaks[100_000] < peaks[20_000] * 1.05, peaks


FULL = """
import resource, sys
from bench import versions
from upkeep.backups.objects.expiry import delete_planned, plan_versions
client = versions.client_of(sys.argv[1])
plan = plan_versions(client, "media", "files/", versions.RULES)
resource.setrlimit(resource.RLIMIT_FSIZE, (32768, 32768))
delete_planned(client, plan)
"""


def test_a_full_disk_deletes_nothing():
    with bench.store(5_000) as url:
        done = subprocess.run(
            [sys.executable, "-c", FULL, url], env=ENVIRONMENT, timeout=60, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        batches = httpx.get(f"{url}/stats").json()
    assert "TemporaryError: no room in" in done.stderr
    assert batches == []


def test_the_store_of_the_bench_lists_as_s3_does():
    with bench.store(2_500) as url:
        found = list(versions(bench.client_of(url), "media", "files/"))
    assert len({(one.key, one.version_id) for one in found}) == 2_500
    assert [one.latest for one in found] == [n % EACH == 0 for n in range(2_500)]
    assert sum(one.delete_marker for one in found) == 50
