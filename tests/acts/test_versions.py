"""Old versions of a bucket's objects, expired by the stages of their procedure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.acts.conftest import NOW
from tests.acts.runs import Stages
from tests.servers.aws import REGION, Aws
from tests.servers.situation import ClientsOf

from upkeep.acts.model import Act
from upkeep.errors import ConfigurationError, PermanentError

pytestmark = pytest.mark.integration

_NUMBERS = count()
WHERE = {"LocationConstraint": REGION}


@pytest.fixture
def bucket(cloud: Aws) -> str:
    """A bucket of its own for a test, which keeps versions and can lock them."""
    name = f"versions-{next(_NUMBERS)}"
    cloud["s3"].create_bucket(Bucket=name, CreateBucketConfiguration=WHERE, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def start(act: Callable[..., Act], cloud: Aws, bucket: str) -> Callable[..., Stages]:
    """Begin a run."""

    def make(**parameters: Any) -> Stages:
        buckets = {"media": {"name": bucket, "purpose": "pictures"}}
        of = act(parts={"resources": {"buckets": buckets}}, clients=ClientsOf(aws={"s3": cloud["s3"]}))
        given = {"bucket": "media", "keep": {"daily_days": 3}} | parameters
        return Stages(of, "expire_object_versions", given)

    return make


@pytest.fixture
def write(cloud: Aws, bucket: str) -> Callable[..., str]:
    """Write a version so many days ago, or mark the object as deleted; return its id."""

    def version(key: str, days: float, *, deleted: bool = False) -> str:
        s3 = cloud["s3"]
        if deleted:
            made = str(s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
        else:
            made = str(s3.put_object(Bucket=bucket, Key=key, Body=key)["VersionId"])
        stored = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys.getlist(key)[-1]
        stored.last_modified = (NOW - timedelta(days=days)).replace(tzinfo=None)
        return made

    return version


@pytest.fixture
def there(cloud: Aws, bucket: str) -> Callable[[], set[str]]:
    """Return the ids of all versions and marks."""

    def ids() -> set[str]:
        found = cloud["s3"].list_object_versions(Bucket=bucket)
        rows = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        return {row["VersionId"] for row in rows}

    return ids


def test_a_dry_run_lists_and_the_act_deletes_just_that(start, write, there, bucket: str) -> None:
    old, later, current = (write("a", days) for days in (40, 39.9, 0.5))
    alone = write("b", 400)
    run = start()

    looked = run.do("plan")

    assert [one["version_id"] for one in looked.findings[0].evidence["first"]] == [old]
    assert looked.said.startswith(f"1 of 4 versions under s3://{bucket}/ are kept no longer")
    assert there() == {old, later, current, alone}

    assert run.do("delete").carried == {"deleted": 1}
    assert there() == {later, current, alone}
    assert run.do("delete").carried == {"deleted": 0}, "a repeat after a kill"


def test_what_is_held_stays(start, write, there, cloud: Aws, bucket: str) -> None:
    held, free, _ = (write("a", days) for days in (50, 45, 40))
    write("a", 39)
    hold = {"Bucket": bucket, "Key": "a", "VersionId": held, "LegalHold": {"Status": "ON"}}
    cloud["s3"].put_object_legal_hold(**hold)
    run = start(keep={"daily_days": 1})
    assert run.until("plan").findings[0].evidence["kept"]["under legal hold"] == 1
    run.until("delete")
    assert held in there()
    assert free not in there()


def test_a_deleted_object_is_forgotten_only_where_that_is_asked(start, write, there) -> None:
    last, mark = write("a", 60), write("a", 50, deleted=True)
    start().until("delete")
    assert there() == {last, mark}
    start(forget_deleted=True).until("delete")
    assert there() == {mark}
    start(forget_deleted=True).until("delete")
    assert there() == set(), "a mark that hides nothing goes"


def test_more_than_a_batch(start, write, there, cloud: Aws) -> None:
    batches: list[int] = []

    def count_them(params: Any, **_: Any) -> None:
        batches.append(len(params["Delete"]["Objects"]))

    for number in range(1_003):
        write("a", 60 - number / 1_000)
    write("a", 20)
    events = cloud["s3"].meta.events
    events.register("before-parameter-build.s3.DeleteObjects", count_them)
    try:
        start(keep={"daily_days": 1}).until("delete")
    finally:
        events.unregister("before-parameter-build.s3.DeleteObjects", count_them)
    assert batches[0] == 1_000
    assert sum(batches) + len(there()) == 1_004
    assert len(there()) <= 2


def test_nothing_is_deleted_where_more_would_go_than_was_planned(start, write, there) -> None:
    for days in (60, 59.9, 20):
        write("a", days)
    run = start(keep={"daily_days": 1})
    run.until("plan")
    for days in (58, 57.9, 57.8):
        write("b", days)
    before = there()
    with pytest.raises(PermanentError, match="nothing is deleted; plan again"):
        run.do("delete")
    assert there() == before


def test_what_it_cannot_work_on(start, cloud: Aws, bucket: str) -> None:
    with pytest.raises(ConfigurationError, match="has no bucket 'nowhere'"):
        start(bucket="nowhere").do("plan")
    with pytest.raises(PermanentError, match="'plan' has left no plan"):
        start().do("delete")
    plain = f"{bucket}-plain"
    cloud["s3"].create_bucket(Bucket=plain, CreateBucketConfiguration=WHERE)
    run = start()
    media = run.act.system.resources.buckets["media"].model_copy(update={"name": plain})
    resources = run.act.system.resources.model_copy(update={"buckets": {"media": media}})
    run.act = replace(run.act, system=run.act.system.model_copy(update={"resources": resources}))
    with pytest.raises(ConfigurationError, match="enable versioning or leave the bucket out"):
        run.do("plan")
