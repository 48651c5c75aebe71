"""Versions listed, planned and deleted in a bucket."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from upkeep.backups.objects.deletion import delete_versions
from upkeep.backups.objects.expiring import VersionRules
from upkeep.backups.objects.expiry import delete_planned, plan_versions
from upkeep.backups.objects.versions import versions
from upkeep.catalog.models.backups import Keep
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)


def rules(**more) -> VersionRules:
    return VersionRules(Keep(daily_days=7), "UTC", datetime.now(UTC), **more)


def plan(bucket, **more):
    """Return a plan as it comes back from where it was kept."""
    return json.loads(json.dumps(plan_versions(bucket.s3, bucket.name, "", rules(**more))))


def test_versions_by_key_newest_first_with_their_markers(buckets):
    bucket = buckets()
    b = bucket.history("b", 5, 3)
    a = bucket.history("a", 9, 4)
    marker = bucket.delete("a", 2)
    a.append(bucket.put("a", b"back", 1))
    found = list(versions(bucket.s3, bucket.name))
    assert [(one.key, one.version_id) for one in found] == [
        ("a", a[2]), ("a", marker), ("a", a[1]), ("a", a[0]), ("b", b[1]), ("b", b[0]),
    ]  # fmt: skip
    assert [one.latest for one in found] == [True, False, False, False, True, False]
    assert [one.delete_marker for one in found] == [False, True, False, False, False, False]
    assert (found[0].size_bytes, found[0].etag, found[0].modified_at.tzinfo) == (
        4,
        found[0].etag.strip('"'),
        UTC,
    )
    assert [one.key for one in versions(bucket.s3, bucket.name, "b")] == ["b", "b"]


def test_keys_of_many_signs(buckets):
    bucket = buckets()
    keys = sorted(["a b", "ü", "a+b", "a%2Fb", "日本"])
    for key in keys:
        bucket.put(key, b"x")
    assert [one.key for one in versions(bucket.s3, bucket.name)] == keys


def test_what_is_planned_is_deleted_and_nothing_else(buckets):
    bucket = buckets()
    many = bucket.history("many", 400, 300, 200, 3, 2)
    gone = [*bucket.history("gone", 600, 500), bucket.delete("gone", 400)]
    found = plan(bucket)
    assert found["expiring"] == 3
    assert found["versions"] == 8
    assert {one["version_id"] for one in found["first"]} == {many[0], many[1], gone[0]}
    assert found["kept"] == {"current": 2, "daily": 2, "the last one of a deleted object": 1}
    assert len(bucket.ids()) == 8
    assert delete_planned(bucket.s3, found) == 3
    assert set(bucket.ids()) == {*many[2:], *gone[1:]}
    assert delete_planned(bucket.s3, found) == 0
    assert delete_planned(bucket.s3, plan(bucket, forget_deleted=True)) == 1
    assert delete_planned(bucket.s3, plan(bucket, forget_deleted=True)) == 1, "the marker has nothing to hide"
    assert bucket.ids("gone") == []


def test_what_happens_after_the_plan_saves_and_never_dooms(buckets):
    bucket = buckets()
    old = bucket.history("a", 400, 300, 2)
    planned = plan(bucket)
    assert planned["expiring"] == 1
    new = bucket.put("a", b"written since")
    delete_versions(bucket.s3, bucket.name, [("a", old[1])])
    assert delete_planned(bucket.s3, planned) == 0, "with old[1] gone, old[0] is what there was last week"
    assert set(bucket.ids()) == {old[0], old[2], new}


def test_more_than_planned_is_never_deleted(buckets):
    bucket = buckets()
    bucket.history("a", 400, 300, 2)
    planned = plan(bucket)
    bucket.history("b", 400, 300, 200)
    with pytest.raises(PermanentError, match=r"3 versions would be deleted, the plan has 1.*plan again"):
        delete_planned(bucket.s3, planned)
    assert len(bucket.ids()) == 6
    with pytest.raises(PermanentError, match="plan again"):
        delete_planned(bucket.s3, planned | {"expiring": 100})
    assert len(bucket.ids()) == 6


def test_holds_and_locks_are_seen_before_and_respected_if_not(buckets):
    bucket = buckets(lock=True)
    ids = bucket.history("a", 500, 400, 300, 200, 100)
    on = {"Bucket": bucket.name, "Key": "a"}
    bucket.s3.put_object_legal_hold(**on, VersionId=ids[0], LegalHold={"Status": "ON"})
    until = datetime.now(UTC) + 30 * DAY
    lock = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    bucket.s3.put_object_retention(**on, VersionId=ids[1], Retention=lock)
    past = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) - DAY}
    bucket.s3.put_object_retention(**on, VersionId=ids[2], Retention=past)
    found = plan(bucket)
    assert found["kept"] == {"current": 1, "under legal hold": 1, "under object lock": 1}
    with pytest.raises(
        PermanentError, match=r"2 not deleted: a \(.*AccessDenied.*under legal hold or object lock"
    ) as e:
        delete_versions(bucket.s3, bucket.name, [("a", one) for one in ids[:3]])
    assert "1 others are deleted" in str(e.value)
    assert set(bucket.ids()) == {ids[0], ids[1], ids[3], ids[4]}
    assert delete_planned(bucket.s3, found) == 1
    assert set(bucket.ids()) == {ids[0], ids[1], ids[4]}


def test_a_hold_that_came_after_the_plan(buckets):
    bucket = buckets(lock=True)
    ids = bucket.history("a", 500, 400, 300)
    found = plan(bucket)
    assert found["expiring"] == 2
    bucket.s3.put_object_legal_hold(Bucket=bucket.name, Key="a", VersionId=ids[0], LegalHold={"Status": "ON"})
    assert delete_planned(bucket.s3, found) == 1
    assert set(bucket.ids()) == {ids[0], ids[2]}


def test_a_bucket_whose_versions_can_be_overwritten_is_refused(buckets):
    never, suspended = buckets(versioned=False), buckets()
    suspended.s3.put_bucket_versioning(Bucket=suspended.name, VersioningConfiguration={"Status": "Suspended"})
    for bucket, status in ((never, "never enabled"), (suspended, "suspended")):
        with pytest.raises(ConfigurationError, match=f"versioning is {status}"):
            plan(bucket)


def test_a_bucket_that_is_gone(buckets):
    bucket = buckets()
    bucket.s3.delete_bucket(Bucket=bucket.name)
    for ask in (
        lambda: plan(bucket),
        lambda: list(versions(bucket.s3, bucket.name)),
        lambda: delete_versions(bucket.s3, bucket.name, [("a", "1")]),
    ):
        with pytest.raises(NotFoundError, match=f"{bucket.name}.*NoSuchBucket"):
            ask()
