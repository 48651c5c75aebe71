"""Planted damage, each found and named, and nothing damaged is ever restored to the end."""

from __future__ import annotations

import json
from dataclasses import replace

import pyrage
import pytest
from dumped_shop import BUCKET, dump, everything

from upkeep.backups.dumps.marks import databases
from upkeep.backups.dumps.restore import restore_dump, restore_plan
from upkeep.backups.model import Level
from upkeep.errors import DamagedBackup, PermanentError

pytestmark = pytest.mark.integration


@pytest.fixture
def method(server, s3):
    return dump(server, s3)


@pytest.fixture
def copy(method):
    return method.make("nightly-1")


def stored(s3, copy, suffix=""):
    key = copy.reference.split("/", 3)[3] + suffix
    return key, s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def replaced(s3, copy, change, suffix="", **how):
    """Replace an object's bytes, as damage or a hand would."""
    key, body = stored(s3, copy, suffix)
    s3.delete_object(Bucket=BUCKET, Key=key)
    how = {"ServerSideEncryption": "AES256"} | how
    s3.put_object(Bucket=BUCKET, Key=key, Body=change(body), **{k: v for k, v in how.items() if v})


def forged(s3, copy, **facts):
    """Change what the manifest says."""
    replaced(s3, copy, lambda body: json.dumps(json.loads(body) | facts).encode(), ".manifest.json")


def flip(body):
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def said(method, copy):
    """Return the level at which it is found, and what is said."""
    last = method.check(copy)[-1]
    return last.level, "; ".join(last.problems)


def test_a_flipped_byte(method, copy, s3, beside):
    replaced(s3, copy, flip)
    level, text = said(method, copy)
    assert level is Level.CHECKSUMS
    assert f"{copy.reference}: its bytes were changed" in text
    with pytest.raises(DamagedBackup):
        restore_dump(s3, copy, beside)
    mark = databases(beside).mark(beside.database)
    assert mark is not None
    assert mark.state == "restoring"


@pytest.mark.parametrize("encryption", ["AES256", "age"])
def test_a_flipped_byte_that_the_manifest_agrees_with(server, s3, beside, encryption):
    """The sums in the formats themselves find it: zstd's, age's, and those of pg_dump's compression."""
    key = pyrage.x25519.Identity.generate()
    method = dump(server, s3, encryption=encryption, recipients=[str(key.to_public())], identities=[str(key)])
    copy = method.make("nightly-1")
    replaced(s3, copy, flip)
    import hashlib

    sha256 = hashlib.sha256(stored(s3, copy)[1]).hexdigest()
    forged(s3, copy, sha256=sha256)
    level, text = said(method, replace(copy, sha256=sha256))
    assert level is Level.CHECKSUMS
    wanted = {"age": "age: decryption error"}.get(
        encryption, "zstd" if server.engine == "mysql" else "pg_restore"
    )
    assert wanted in text


def test_an_archive_that_is_cut_off(method, copy, s3, beside):
    replaced(s3, copy, lambda body: body[:-1000])
    level, text = said(method, copy)
    assert level is Level.COMPLETE
    assert "it is cut off or was replaced" in text
    assert method.find("nightly-1") is None
    assert "cut off" in restore_plan(s3, copy, beside)["problems"][0]
    # A manifest that agrees with the short one does not hide it.
    forged(s3, copy, bytes=copy.bytes - 1000)
    level, text = said(method, copy)
    assert level is Level.CHECKSUMS
    assert ("cut off" if method.engine == "mysql" else "pg_restore") in text
    with pytest.raises(DamagedBackup):
        restore_dump(s3, copy, beside)
    mark = databases(beside).mark(beside.database)
    assert mark is not None
    assert mark.state == "restoring"


def test_a_manifest_that_is_missing(method, copy, s3, beside):
    s3.delete_object(Bucket=BUCKET, Key=stored(s3, copy, ".manifest.json")[0])
    assert said(method, copy)[0] is Level.COMPLETE
    assert "there is no manifest" in said(method, copy)[1]
    assert ["there is no manifest" in problem for one in method.copies() for problem in one.problems] == [
        True
    ]
    assert "there is no manifest" in restore_plan(s3, copy, beside)["problems"][0]
    with pytest.raises(PermanentError, match="there is no manifest"):
        restore_dump(s3, copy, beside)
    assert not databases(beside).exists(beside.database)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b'{"version": 1'])
def test_a_manifest_that_is_none(method, copy, s3, beside, body):
    replaced(s3, copy, lambda _: body, ".manifest.json")
    assert "the manifest cannot be read" in said(method, copy)[1]
    assert "the manifest cannot be read" in next(iter(method.copies())).problems[0]
    assert "the manifest cannot be read" in restore_plan(s3, copy, beside)["problems"][0]


def test_a_manifest_that_was_changed(method, copy, s3, beside):
    forged(s3, copy, sha256="0" * 64)
    assert "the manifest was changed" in said(method, copy)[1]
    assert "the manifest was changed" in restore_plan(s3, copy, beside)["problems"][0]


def test_an_object_that_is_gone(method, copy, s3, beside):
    s3.delete_object(Bucket=BUCKET, Key=stored(s3, copy)[0])
    assert "the object is gone" in said(method, copy)[1]
    assert "the object is gone" in next(iter(method.copies())).problems[0]
    assert "the object is gone" in restore_plan(s3, copy, beside)["problems"][0]


def test_rows_that_the_manifest_does_not_know(mysql_server, s3):
    method = dump(mysql_server, s3)
    copy = method.make("nightly-1")
    forged(s3, copy, facts=dict(copy.facts) | {"rows": dict(copy.facts["rows"]) | {"customers": 71}})
    assert said(method, copy)[0] is Level.CHECKSUMS
    assert "it has other rows than its manifest says: customers: 70 of 71" in said(method, copy)[1]


def test_an_object_that_is_not_encrypted_as_promised(server, s3):
    method = dump(server, s3, encryption="aws:kms", kms_key_id="key-1")
    copy = method.make("nightly-1")
    assert method.check(copy)[0].holds
    replaced(s3, copy, bytes, ServerSideEncryption=None)
    assert "aws:kms was promised" in said(method, copy)[1]
    replaced(s3, copy, bytes, ServerSideEncryption="aws:kms", SSEKMSKeyId="key-2")
    assert "key-1 was promised" in said(method, copy)[1]
    promised_age = dump(server, s3, encryption="age", recipients=["age1x"])
    assert "not encrypted with age" in said(promised_age, copy)[1]


def test_a_dump_of_the_wrong_database(server, s3):
    other = dump(server.at("zetra" if server.engine == "postgres" else "tasks_db"), s3)
    copy = dump(server, s3).make("nightly-1")
    assert "a dump of the wrong database: of 'shop'" in said(other, copy)[1]
    # One that calls itself right is found by what is in it.
    forged(s3, copy, database=other.server.database)
    level, text = said(other, copy)
    assert level is Level.CHECKSUMS
    assert "a dump of the wrong database: of 'shop'" in text


def test_a_dump_that_is_too_small(server, s3):
    method = dump(server, s3, smallest_bytes=10**9)
    assert "a whole one has 1,000,000,000 or more" in said(method, method.make("nightly-1"))[1]


def test_what_is_left_of_unfinished_ones_is_shown_and_goes(method, s3):
    suffix = f".{method.format}"
    s3.create_multipart_upload(Bucket=BUCKET, Key=f"shop/begun{suffix}")
    s3.put_object(Bucket=BUCKET, Key=f"shop/sub/folder{suffix}", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="shop/another.txt", Body=b"")
    found = list(method.copies())
    assert [(one.name, list(one.problems)) for one in found] == [
        ("begun", [f"s3://{BUCKET}/shop/begun{suffix}: the upload was begun and not finished"])
    ]
    method.delete(found)
    assert everything(s3)["uploads"] == []
    with pytest.raises(PermanentError, match="is no dump under"):
        method.delete([replace(found[0], reference=f"s3://{BUCKET}/shop/another.txt")])
