"""What fails outside: told clearly, in bounded time, nothing half left as if it were whole."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from dumped_shop import contents, dump, everything
from proxy import proxy

from servers.aws import aws_client
from upkeep.backups.dumps import programs
from upkeep.backups.dumps.marks import databases
from upkeep.backups.dumps.restore import restore_dump
from upkeep.clients.aws import download
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError, UpkeepError

pytestmark = pytest.mark.integration
NOTHING = {"versions": [], "marks": [], "uploads": []}


@pytest.fixture(autouse=True)
def _source_untouched(server):
    before = contents(server)
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 90
    assert contents(server) == before


@pytest.fixture
def between(server):
    """A proxy before the database."""
    with proxy(server.port) as found:
        yield found


@pytest.fixture
def before_s3(cloud):
    """A proxy before S3, and a client that goes through it."""
    with proxy(int(cloud.url.rpartition(":")[2])) as found:
        yield found, aws_client("s3", f"http://127.0.0.1:{found.port}", 3)


def test_a_password_that_is_wrong(server, s3):
    with pytest.raises(ConfigurationError, match=r"shop: .*(denied|authentication failed)"):
        dump(replace(server, password="wrong"), s3).make("nightly-1")
    assert everything(s3) == NOTHING


def test_a_database_that_is_gone(server, s3):
    with pytest.raises(ConfigurationError, match=r"nowhere.* (does not exist|Unknown database)"):
        dump(server.at("nowhere"), s3).make("nightly-1")
    assert everything(s3) == NOTHING


def test_a_program_that_is_not_installed(server, s3, monkeypatch):
    monkeypatch.setattr(programs, "DEBIAN_POSTGRES", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigurationError, match=r"apt-get install (mariadb|postgresql)-client"):
        dump(server, s3).make("nightly-1")
    assert everything(s3) == NOTHING


def test_the_database_is_cut_off_in_mid_stream(server, s3, between):
    between.cut_after = 3 * 1024**2
    with pytest.raises(TemporaryError, match=r"(mariadb-dump|pg_dump) ended with status"):
        dump(replace(server, port=between.port), s3).make("nightly-1")
    assert between.cuts
    assert everything(s3) == NOTHING
    between.cut_after = None
    assert dump(replace(server, port=between.port), s3).make("nightly-1").bytes


def test_the_database_stops_answering_in_mid_stream(server, s3, between):
    between.cut_after, between.stalls = 3 * 1024**2, True
    method = dump(replace(server, port=between.port), s3, stall_seconds=2, count_seconds=2)
    with pytest.raises(TemporaryError, match="moved nothing for 2 s"):
        method.make("nightly-1")
    assert everything(s3) == NOTHING


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "PutObject"])
def test_credentials_that_expire_on_the_way(server, s3, operation):
    error = {"Error": {"Code": "ExpiredToken", "Message": "The provided token has expired."}}

    def expired(model, **_):
        raise ClientError(error, model.name)

    s3.meta.events.register(f"before-call.s3.{operation}", expired)
    try:
        with pytest.raises(ConfigurationError, match=r"ExpiredToken.*check the connection's credentials"):
            dump(server, s3).make("nightly-1")
    finally:
        s3.meta.events.unregister(f"before-call.s3.{operation}", expired)
    assert everything(s3)["uploads"] == []
    assert dump(server, s3).find("nightly-1") is None
    dump(server, s3).make("nightly-1")
    assert len(everything(s3)["versions"]) == 2


def test_a_bucket_that_is_gone(server, s3):
    method = replace(dump(server, s3), bucket="nowhere")
    with pytest.raises(PermanentError, match=r"s3://nowhere/.*the bucket does not exist"):
        method.make("nightly-1")
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        list(method.copies())


def test_s3_is_cut_off_in_mid_upload(server, s3, before_s3):
    far, client = before_s3
    far.cut_after, far.upward = 2 * 1024**2, True
    with pytest.raises(TemporaryError, match="cannot reach AWS"):
        dump(server, client).make("nightly-1")
    assert far.cuts
    assert everything(s3) == NOTHING


def test_a_restore_goes_on_after_s3_was_cut_off(server, s3, before_s3, beside):
    copy = dump(server, s3).make("nightly-1")
    far, client = before_s3
    far.cut_after, far.most_cuts = 2 * 1024**2, 2
    restore_dump(client, copy, beside)
    assert far.cuts == 2
    assert contents(beside) == contents(server)


def test_a_restore_from_an_s3_that_brings_no_more(server, s3, before_s3, beside, monkeypatch):
    copy = dump(server, s3).make("nightly-1")
    far, client = before_s3
    client.list_buckets()
    calls = []

    def refuse(model, **_):
        calls.append(model.name)
        far.cut_after = {1: None, 2: 100 * 1024}.get(len(calls), 0)  # the manifest, the dump, and no more

    client.meta.events.register("before-call.s3", refuse)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    with pytest.raises(TemporaryError, match="cut off at byte"):
        restore_dump(client, copy, beside)
    client.meta.events.unregister("before-call.s3", refuse)
    mark = databases(server).mark(beside.database)
    assert mark is None or mark.state == "restoring"
    restore_dump(s3, copy, beside)
    assert contents(beside) == contents(server)


def test_the_target_is_cut_off_in_mid_restore(server, s3, between, beside):
    copy = dump(server, s3).make("nightly-1")
    between.cut_after, between.upward = 3 * 1024**2, True
    with pytest.raises(TemporaryError, match=r"(mariadb|pg_restore) ended with status"):
        restore_dump(s3, copy, replace(beside, port=between.port))
    mark = databases(server).mark(beside.database)
    assert mark is not None
    assert mark.state == "restoring"
    between.cut_after = None
    restore_dump(s3, copy, replace(beside, port=between.port))
    assert contents(beside) == contents(server)


def test_a_target_that_refuses_a_statement(server, s3, beside):
    """A full disk, a missing right: whatever the program says is told, and the mark stays unfinished."""
    copy = dump(server, s3).make("nightly-1")
    databases(server).create(beside.database, copy.facts)
    if server.engine == "mysql":
        with server.session() as session:
            limit = session.value("SELECT @@GLOBAL.max_allowed_packet")
            session.run("SET GLOBAL max_allowed_packet = 1048576")
    try:
        if server.engine == "postgres":
            with beside.session() as session:
                session.run(f"ALTER DATABASE {beside.database} SET default_transaction_read_only = on")
        with pytest.raises(UpkeepError, match=r"(mariadb|pg_restore) ended with status"):
            restore_dump(s3, copy, beside)
    finally:
        if server.engine == "mysql":
            with server.session() as session:
                session.run(f"SET GLOBAL max_allowed_packet = {limit}")
    mark = databases(server).mark(beside.database)
    assert mark is not None
    assert mark.state == "restoring"


def test_tls_that_cannot_be_verified(server, s3, authority):
    """Neither server here shows a certificate of ours: asked for, it is demanded."""
    verifying = replace(server, tls="verify", ca_file=authority)
    with pytest.raises((ConfigurationError, TemporaryError, PermanentError), match=r"(?i)ssl|certificate"):
        dump(verifying, s3).make("nightly-1")
    assert everything(s3) == NOTHING
    with pytest.raises(ConfigurationError, match="no CA file"):
        replace(server, tls="verify")
