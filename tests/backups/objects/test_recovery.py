"""One version of one object brought back, beside or in place."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from moto.moto_api import state_manager

from upkeep.backups.objects.recovery import RESTORED_FROM, Wanted, find_versions, plan_restore
from upkeep.backups.objects.restoring import restore_version, verify_restored
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

pytestmark = pytest.mark.integration
AT = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
KEY = "files/abc123.pdf"
BESIDE = f"{KEY}.restored-20261121T140500Z"
MIB = 1024**2


@pytest.fixture
def bucket(buckets):
    return buckets()


@pytest.fixture
def good(bucket) -> str:
    """The id of a version that was overwritten with rubbish."""
    found = bucket.put(
        KEY, b"good", 9, ContentType="application/pdf", Metadata={"owner": "shop"}, Tagging="a=b"
    )
    bucket.put(KEY, b"rubbish", 3)
    return found


def plan(bucket, version_id: str, key: str = KEY, **more) -> dict:
    return json.loads(json.dumps(plan_restore(bucket.s3, Wanted(bucket.name, key, version_id, AT, **more))))


def restore(bucket, version_id: str, **more) -> dict:
    planned = plan(bucket, version_id, **more)
    made = restore_version(bucket.s3, planned)
    verify_restored(bucket.s3, planned)
    return made


class TestFind:
    def test_newest_first_by_key(self, bucket, good):
        other = bucket.put("files/b", b"x", 1)
        found = find_versions(bucket.s3, bucket.name, "files/")
        assert [one.version_id for one in found.versions][1:] == [good, other]
        assert not found.more

    def test_only_so_many(self, bucket, good):
        found = find_versions(bucket.s3, bucket.name, "files/", limit=1)
        assert (len(found.versions), found.more) == (1, True)
        assert find_versions(bucket.s3, bucket.name, "nothing/").versions == ()


class TestBeside:
    def test_a_copy_with_all_that_it_had(self, bucket, good):
        before = bucket.ids(KEY)
        planned = plan(bucket, good)
        assert planned["target"] == BESIDE
        assert "4 bytes" in planned["steps"][0]
        assert bucket.ids() == before, "a plan changes nothing"
        made = restore_version(bucket.s3, planned)
        assert (made["key"], made["bytes"]) == (BESIDE, 4)
        assert verify_restored(bucket.s3, planned)["by"] in ("etag", "ChecksumCRC32")
        head = bucket.s3.head_object(Bucket=bucket.name, Key=BESIDE)
        assert head["ContentType"] == "application/pdf"
        assert head["Metadata"] == {"owner": "shop", RESTORED_FROM: good}
        tags = bucket.s3.get_object_tagging(Bucket=bucket.name, Key=BESIDE)["TagSet"]
        assert tags == [{"Key": "a", "Value": "b"}]
        assert bucket.read(KEY) == b"rubbish"
        assert set(before) < set(bucket.ids())

    def test_a_repeat_finds_the_copy(self, bucket, good):
        planned = plan(bucket, good)
        made = restore_version(bucket.s3, planned)
        assert restore_version(bucket.s3, planned) == made
        again = plan(bucket, good)
        assert again["done"]
        assert "already" in again["steps"][0]
        assert restore_version(bucket.s3, again) == made
        assert len(bucket.ids(BESIDE)) == 1

    def test_a_target_of_ones_own(self, bucket, good):
        assert restore(bucket, good, target="elsewhere/x")["key"] == "elsewhere/x"

    def test_a_target_that_exists_is_refused(self, bucket, good):
        bucket.put("taken", b"mine")
        with pytest.raises(PermanentError, match="taken exists"):
            plan(bucket, good, target="taken")
        planned = plan(bucket, good, target="free")
        bucket.put("free", b"quicker")
        with pytest.raises(PermanentError, match=r"was none when.*plan again"):
            restore_version(bucket.s3, planned)
        assert bucket.read("free") == b"quicker"
        with pytest.raises(ConfigurationError, match="the object itself"):
            plan(bucket, good, target=KEY)

    def test_a_copy_in_parts_is_compared_byte_by_byte(self, bucket):
        body = random.Random(1).randbytes(11 * MIB)
        big = bucket.put(KEY, body, 5)
        bucket.put(KEY, b"rubbish")
        planned = plan(bucket, big)
        restore_version(bucket.s3, planned, one_copy_bytes=5 * MIB)
        assert verify_restored(bucket.s3, planned) == {"bytes": 11 * MIB, "by": "sha256"}
        assert bucket.read(BESIDE) == body
        assert bucket.s3.head_object(Bucket=bucket.name, Key=BESIDE)["ETag"].endswith('-3"')

    def test_a_copy_that_differs_is_found(self, bucket, good):
        planned = plan(bucket, good)
        restore_version(bucket.s3, planned)
        for body, said in ((b"goad", "differs"), (b"longer", "6 bytes")):
            bucket.put(BESIDE, body, Metadata={RESTORED_FROM: good})
            with pytest.raises(PermanentError, match=said):
                verify_restored(bucket.s3, planned)
        bucket.delete(BESIDE)
        with pytest.raises(PermanentError, match="not there"):
            verify_restored(bucket.s3, planned)


class TestInPlace:
    def test_the_version_becomes_the_newest(self, bucket, good):
        before = bucket.ids(KEY)
        planned = plan(bucket, good, in_place=True)
        assert planned["replaces"] == before[0]
        made = restore_version(bucket.s3, planned)
        verify_restored(bucket.s3, planned)
        assert bucket.read(KEY) == b"good"
        assert bucket.ids(KEY) == [made["version_id"], *before], "nothing is lost"
        assert restore_version(bucket.s3, planned) == made
        assert plan(bucket, good, in_place=True)["done"]
        assert len(bucket.ids(KEY)) == 3

    def test_what_was_deleted_comes_back(self, bucket, good):
        bucket.delete(KEY)
        planned = plan(bucket, good, in_place=True)
        assert "delete marker" in planned["steps"][0]
        restore_version(bucket.s3, planned)
        assert bucket.read(KEY) == b"good"

    def test_what_was_written_since_is_not_covered(self, bucket, good):
        planned = plan(bucket, good, in_place=True)
        bucket.put(KEY, b"of a user")
        with pytest.raises(PermanentError, match="plan again"):
            restore_version(bucket.s3, planned)
        assert bucket.read(KEY) == b"of a user"

    def test_the_current_version_is_refused(self, bucket, good):
        with pytest.raises(PermanentError, match="current version already"):
            plan(bucket, bucket.ids(KEY)[0], in_place=True)


class TestRefused:
    def test_no_such_version_key_or_bucket(self, bucket, good):
        with pytest.raises(NotFoundError, match="list the versions"):
            plan(bucket, "0" * 32)
        with pytest.raises(NotFoundError, match="nothing"):
            plan(bucket, good, key="nothing")
        bucket.name = "no-such-bucket"
        with pytest.raises(NotFoundError, match="no-such-bucket"):
            plan(bucket, good)

    def test_a_delete_marker(self, bucket, good):
        with pytest.raises(PermanentError, match="delete marker"):
            plan(bucket, bucket.delete(KEY))

    def test_a_bucket_without_versions(self, buckets):
        with pytest.raises(PermanentError, match="keeps no versions"):
            plan(buckets(versioned=False), "1")

    def test_a_version_in_an_archive(self, bucket, good):
        ids = [bucket.put(KEY, b"x", StorageClass=name) for name in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR")]
        bucket.put(KEY, b"x")
        for one in ids[:2]:
            with pytest.raises(PermanentError, match="restore-object"):
                plan(bucket, one)
        plan(bucket, ids[2])

    def test_a_version_on_its_way_out_of_an_archive(self, bucket):
        one = bucket.put(KEY, b"archived", StorageClass="GLACIER")
        state_manager.set_transition("s3::keyrestore", {"progression": "manual", "times": 1})
        try:
            bucket.s3.restore_object(Bucket=bucket.name, Key=KEY, RestoreRequest={"Days": 1})
            with pytest.raises(TemporaryError, match="on its way out of GLACIER"):
                plan(bucket, one)
        finally:
            state_manager.unset_transition("s3::keyrestore")
        assert restore(bucket, one)["bytes"] == 8

    def test_a_plan_that_was_changed(self, bucket, good):
        with pytest.raises(PermanentError, match="plan again"):
            restore_version(bucket.s3, plan(bucket, good) | {"target": KEY})


KILLED = """
import json, os, signal, sys
from tests.servers.aws import aws_client
from upkeep.backups.objects.restoring import restore_version
url, event = sys.argv[1:]
client = aws_client("s3", url)
client.meta.events.register(event, lambda **_: os.kill(os.getpid(), signal.SIGKILL))
restore_version(client, json.load(sys.stdin), one_copy_bytes=5 * 1024**2)
"""


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    ("mebibytes", "event"),
    [
        (0, "before-call.s3.CopyObject"),
        (0, "after-call.s3.CopyObject"),
        (11, "after-call.s3.CreateMultipartUpload"),
        (11, "after-call.s3.UploadPartCopy"),
        (11, "before-call.s3.CompleteMultipartUpload"),
        (11, "after-call.s3.CompleteMultipartUpload"),
    ],
)
def test_killed_at_any_step_a_repeat_ends_right(bucket, mebibytes, event, in_place):
    body = random.Random(2).randbytes(mebibytes * MIB) + b"good"
    version_id = bucket.put(KEY, body, 9)
    bucket.put(KEY, b"rubbish", 3)
    planned = plan(bucket, version_id, in_place=in_place)
    root = Path(__file__).parents[3]
    child = subprocess.run(
        [sys.executable, "-c", KILLED, bucket.url, event], input=json.dumps(planned), text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'include'}"}, capture_output=True, check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    left = bucket.uploads()
    made = restore_version(bucket.s3, planned, one_copy_bytes=5 * MIB)
    verify_restored(bucket.s3, planned)
    assert bucket.read(planned["target"]) == body
    assert len(bucket.ids(KEY)) == 3, "two of the object, and one copy"
    assert made["version_id"] in bucket.ids(planned["target"])
    # In place a copy in parts cannot be told from a user's upload to the same key: it is not aborted.
    assert bucket.uploads() == (left if in_place else [])
