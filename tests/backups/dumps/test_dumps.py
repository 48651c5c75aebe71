"""A dump is made, found, examined, restored and deleted, on both engines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyrage
import pytest
from dumped_shop import BUCKET, contents, dump, everything, expected_rows

from upkeep.backups.dumps import child, programs
from upkeep.backups.dumps.restore import restore_dump, restore_plan
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError

pytestmark = pytest.mark.integration
SUFFIX = {"mysql": ".sql.zst", "postgres": ".dump"}


@pytest.mark.parametrize("encryption", ["aws:kms", "AES256", "age", "none"])
def test_a_dump_is_whole_and_comes_back_as_it_was(server, s3, beside, encryption):
    key = pyrage.x25519.Identity.generate()
    options = {"recipients": [str(key.to_public())], "identities": [str(key)]} if encryption == "age" else {}
    method = dump(server, s3, encryption=encryption, **options)
    before = datetime.now(UTC)
    copy = method.make("nightly-1")
    suffix = SUFFIX[server.engine] + (".age" if encryption == "age" else "")
    assert copy.reference == f"s3://{BUCKET}/shop/nightly-1{suffix}"
    assert copy.facts["rows"] == expected_rows(server)
    assert before <= copy.started_at < copy.ended_at <= datetime.now(UTC)
    assert everything(s3) == {
        "versions": [f"shop/nightly-1{suffix}", f"shop/nightly-1{suffix}.manifest.json"],
        "marks": [],
        "uploads": [],
    }
    assert method.find("nightly-1") == copy
    assert list(method.copies()) == [copy]
    proofs = method.check(copy)
    assert [(proof.level, list(proof.problems)) for proof in proofs] == [
        (Level.COMPLETE, []),
        (Level.CHECKSUMS, []),
    ]
    assert proofs[1].evidence["contents"] == "read to the end"
    assert proofs[1].evidence["database"] == "shop"
    plan = restore_plan(s3, copy, beside)
    assert plan["problems"] == []
    assert json.loads(json.dumps(plan)) == plan
    restored = restore_dump(s3, copy, beside, identities=options.get("identities", ()))
    assert restored.database == beside.database
    assert not restored.again
    assert contents(beside) == contents(server)


def test_a_dump_is_made_once(server, s3):
    method = dump(server, s3)
    copy = method.make("nightly-1")
    assert method.make("nightly-1") == copy
    assert len(everything(s3)["versions"]) == 2


def test_a_name_of_another_databases_dump_is_refused(server, s3):
    dump(server, s3).make("nightly-1")
    with pytest.raises(PermanentError, match="is a dump of 'shop'"):
        dump(server.at("other"), s3).make("nightly-1")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", "a b"])
def test_a_name_that_is_none_is_refused(server, s3, name):
    with pytest.raises(ConfigurationError, match="not a name"):
        dump(server, s3).make(name)


def test_proven_bytes_are_not_read_again(server, s3):
    method = dump(server, s3)
    copy = method.make("nightly-1")
    first = method.check(copy)
    reads = []
    s3.meta.events.register("before-call.s3.GetObject", lambda params, **_: reads.append(params["url_path"]))
    try:
        assert method.check(copy, first)[1] is first[1]
        assert all(path.endswith(".manifest.json") for path in reads)
        # The same bytes written again are another object, and are read.
        body = s3.get_object(Bucket=BUCKET, Key=copy.reference.split("/", 3)[3])["Body"].read()
        s3.put_object(
            Bucket=BUCKET, Key=copy.reference.split("/", 3)[3], Body=body, ServerSideEncryption="AES256"
        )
        again = method.check(copy, first)
        assert again[1] is not first[1]
        assert again[1].holds
    finally:
        s3.meta.events.unregister("before-call.s3.GetObject")


def test_what_is_deleted_is_gone_in_all_versions(server, s3):
    method = dump(server, s3)
    kept, gone = method.make("kept"), method.make("gone")
    method.delete([gone])
    method.delete([gone])
    assert list(method.copies()) == [kept]
    assert everything(s3)["marks"] == []
    assert len(everything(s3)["versions"]) == 2


@pytest.mark.parametrize("kind", ["hold", "lock"])
def test_what_is_held_is_not_deleted_nor_is_anything_with_it(server, s3, kind):
    bucket = f"locked-{server.engine}-{kind}"
    region = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=region, ObjectLockEnabledForBucket=True)
    method = replace(dump(server, s3), bucket=bucket)
    held, free = method.make("held"), method.make("free")
    where = {"Bucket": bucket, "Key": held.reference.split("/", 3)[3]}
    if kind == "hold":
        s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    else:
        until = datetime.now(UTC) + timedelta(days=1)
        s3.put_object_retention(**where, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    with pytest.raises(PermanentError, match="held, and never deleted"):
        method.delete([free, held])
    assert method.find("free") is not None
    found = method.find("held")
    assert found is not None
    assert found.held


def test_the_password_is_nowhere(server, s3, monkeypatch):
    """Neither in an argument of a program, nor in an object, nor in what is shown of us."""
    real = {"mysql": "mariadb-dump", "postgres": "pg_dump"}[server.engine]
    program = programs.find(real)
    started = []
    popen = child.subprocess.Popen
    monkeypatch.setattr(
        child.subprocess, "Popen", lambda command, **kw: started.append(command) or popen(command, **kw)
    )
    method = dump(server, s3)
    copy = method.make("nightly-1")
    assert started[0][0] == program.path
    manifest = s3.get_object(Bucket=BUCKET, Key=copy.reference.split("/", 3)[3] + ".manifest.json")
    for text in (repr(started), repr(method), repr(copy), manifest["Body"].read().decode()):
        assert server.password not in text
