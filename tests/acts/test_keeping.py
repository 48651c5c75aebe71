"""What a policy keeps of real copies: Git bundles, and backups of several parts, in S3."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.servers.aws import REGION, Aws
from tests.servers.situation import ClientsOf, make_system
from typer.testing import CliRunner

from sandbox import programs
from upkeep.acts.kinds import backup, expiring
from upkeep.acts.kinds.policies import BackupParameters
from upkeep.acts.model import Act
from upkeep.backups.files.place import ResticPlace
from upkeep.backups.keeping import candidates, copies_there
from upkeep.backups.kubernetes.repository import GitLogin
from upkeep.backups.methods import Making, making
from upkeep.backups.model import Copy, Level
from upkeep.cli.backups import app
from upkeep.clients.answers import NotFoundError
from upkeep.findings import State
from upkeep.ledger.backups import known_backups, record_expiring

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
_NUMBERS = count()


def policy(bucket: str, source: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        "title": prefix,
        "what": prefix,
        "method": "git_export",
        "location": {"kind": "s3_objects", "connection": "shop_aws", "bucket": bucket, "prefix": prefix},
        "source": source,
        "keep": {"daily_days": 2},
        "encryption": "AES256",
    }


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A Git repository of two branches and a tag."""
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(folder))
    for branch in ("main", "next"):
        git(folder, "checkout", "--quiet", "-B", branch)
        (folder / branch).write_text(f"the text of {branch}")
        git(folder, "add", ".")
        git(folder, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", branch)
    git(folder, "tag", "v1")
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@dataclass
class Kept:
    """One policy of the shop, its backups made by the stages of a backup. bucket: each test's own."""

    act: Callable[..., Act]
    cloud: Aws
    bucket: str
    parts: dict[str, Any]
    clients: ClientsOf
    policy: str = "configuration"

    def stage(self, name: str, run: str, days: float = 0, **given: Any) -> Any:
        """Do a stage of the backup of a run, so many days ago."""
        act = self.act(
            parts=self.parts, clients=self.clients, label=run, run=("shop_backup", run), task_id="backup",
            began_at=NOW - timedelta(days=days), now=NOW - timedelta(days=days), **given,
        )  # fmt: skip
        return getattr(backup, name)(act, BackupParameters(policy=self.policy))

    def make(self, run: str, days: float) -> str:
        """Make, record and prove a backup that is so many days old; return its name."""
        self.stage("make", run, days)
        name = f"{self.policy}-{run}"
        for note in self.keys(name, ".json"):
            self.rewrite(note, days)
        assert self.stage("ready", run, days).ready
        self.stage("prove", run, days)
        return name

    def rewrite(self, note: str, days: float) -> None:
        """Let a copy's note say that it was made so many days ago."""
        said = json.loads(self.cloud["s3"].get_object(Bucket=self.bucket, Key=note)["Body"].read())
        at = (NOW - timedelta(days=days)).isoformat()
        self.put(note, json.dumps(said | {"started_at": at, "ended_at": at}).encode())

    def put(self, key: str, body: bytes) -> None:
        self.cloud["s3"].put_object(Bucket=self.bucket, Key=key, Body=body)

    def remove(self, key: str) -> None:
        self.cloud["s3"].delete_object(Bucket=self.bucket, Key=key)

    def keys(self, part: str = "", end: str = "") -> list[str]:
        """Return the keys that are there."""
        found = self.cloud["s3"].list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [one["Key"] for one in found if part in one["Key"] and one["Key"].endswith(end)]

    def stored(self, prefix: str) -> int:
        """Return how many bytes are stored under a prefix."""
        found = self.cloud["s3"].list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return sum(one["Size"] for one in found)

    @property
    def way(self) -> Making:
        return making("shop", make_system(**self.parts), self.clients, self.policy)

    def known(self) -> list[Any]:
        return known_backups(self.act().engine, "shop", self.policy)

    def names(self) -> set[str]:
        """Return the names of the copies that are there."""
        return {copy.name for copy in self.way.method.copies()}


@pytest.fixture
def kept(act: Callable[..., Act], cloud: Aws, ledger: Engine, repository: Path, tmp_path: Path) -> Kept:
    bucket = f"kept-{next(_NUMBERS)}"
    where = {"LocationConstraint": REGION}
    cloud["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    both = {"kind": "parts", "policies": ["configuration", "again"]}
    mixed = {"kind": "parts", "policies": ["configuration", "files"]}
    policies = {
        "configuration": policy(bucket, {"kind": "git"}, "configuration/"),
        "again": policy(bucket, {"kind": "git"}, "again/"),
        "files": policy(bucket, {"kind": "folder", "path": "/"}, "files/"),
        "full": policy(bucket, both, "full/"),
        "mixed": policy(bucket, mixed, "mixed/"),
    }
    secret = tmp_path / "restic"
    secret.touch(mode=0o600)
    secret.write_text("correct-horse")
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    clients = ClientsOf(
        aws={"s3": cloud["s3"]},
        git=(str(repository), GitLogin()),
        folder=repository,
        restic={bucket: ResticPlace(f"s3:{cloud.url}/{bucket}/restic/mixed_files", secret, keys)},
    )
    return Kept(act, cloud, bucket, {"backups": policies}, clients)


def test_a_bundle_is_all_of_the_repository(kept: Kept, repository: Path, tmp_path: Path) -> None:
    name = kept.make("a", 0)
    [bundle] = kept.keys(name, ".bundle")
    file = tmp_path / "there.bundle"
    kept.cloud["s3"].download_file(kept.bucket, bundle, str(file))
    git(tmp_path, "clone", "--quiet", "--mirror", str(file), "there")
    assert git(tmp_path / "there", "rev-parse", "main", "next", "v1") == git(
        repository, "rev-parse", "main", "next", "v1"
    )
    assert [one.proven for one in kept.known()] == [Level.CHECKSUMS]
    head = kept.cloud["s3"].head_object(Bucket=kept.bucket, Key=bundle)
    assert head["ServerSideEncryption"] == "AES256"


def test_a_copy_that_lacks_something_fails_where_it_is_made(kept: Kept, monkeypatch) -> None:
    """It would be waited for in vain: what is not whole is never found."""
    at = NOW - timedelta(minutes=1)
    half = Copy("configuration-a", "s3://b/a", at, NOW, 1, problems=["/etc/shadow could not be read"])
    monkeypatch.setattr(Making, "begin", lambda *_: half)
    [finding] = kept.stage("make", "a").findings
    assert finding.state is State.CRITICAL
    assert finding.summary == "configuration-a is not whole: /etc/shadow could not be read"


def test_a_repeat_finds_the_bundle_that_is_finished(kept: Kept) -> None:
    kept.make("a", 0)
    before = kept.way.method.find("configuration-a")
    kept.stage("make", "a")
    assert kept.way.method.find("configuration-a") == before
    assert "is there already" in kept.stage("plan", "a").said


def test_what_no_period_needs_is_deleted_and_nothing_else(kept: Kept) -> None:
    names = [kept.make(run, days) for run, days in (("old", 9), ("middle", 1.5), ("new", 0))]
    looked = kept.stage("plan", "later")
    assert list(looked.findings[0].evidence["would_delete"]) == names[:1]
    assert kept.names() == set(names)

    assert kept.stage("expire", "new").carried == {"deleted": 1, "missing": 0}

    assert kept.names() == set(names[1:])
    assert kept.keys(names[0]) == []
    assert {one.copy.name for one in kept.known()} == set(names[1:])
    assert kept.stage("expire", "new").carried == {"deleted": 0, "missing": 0}


def test_a_bundle_that_was_deleted_twice_is_gone(kept: Kept) -> None:
    kept.make("a", 0)
    [copy] = copies_there(kept.way, kept.known())
    for _ in range(2):
        kept.way.method.delete([copy])
    assert (kept.keys(), kept.way.method.find(copy.name)) == ([], None)


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_damage_is_named_and_such_a_copy_lets_no_other_expire(kept: Kept, how: str) -> None:
    old, new = kept.make("old", 9), kept.make("new", 0)
    [bundle] = kept.keys(new, ".bundle")
    body = kept.cloud["s3"].get_object(Bucket=kept.bucket, Key=bundle)["Body"].read()
    damaged = {"flipped": body[:-9] + bytes([body[-9] ^ 1]) + body[-8:], "cut": body[:-30]}
    kept.remove(bundle) if how == "gone" else kept.put(bundle, damaged[how])

    result = kept.stage("prove", "new")

    assert result.findings[0].state is State.CRITICAL
    assert f"s3://{kept.bucket}/{bundle}" in result.said
    assert [(one.copy.name, bool(one.broken)) for one in kept.known()] == [(new, True), (old, False)]
    assert kept.stage("expire", "new").carried["deleted"] == 0


def test_a_broken_bundle_expires_once_a_newer_one_is_proven(kept: Kept) -> None:
    broken = kept.make("broken", 1.5)
    kept.put(kept.keys(broken, ".bundle")[0], b"rubbish")
    kept.stage("prove", "broken", 1.5)
    good = kept.make("good", 0)
    assert kept.stage("expire", "good").findings[0].evidence["deleted"] == {
        broken: f"it is broken, and {good} is newer and proven"
    }
    assert kept.names() == {good}


def test_what_the_ledger_does_not_know_is_there_and_not_proven(kept: Kept) -> None:
    kept.stage("make", "unrecorded")
    [one] = candidates(kept.way.method.copies(), kept.known())
    assert (one.name, one.level, one.good) == ("configuration-unrecorded", Level.EXISTS, True)


def test_one_that_somebody_deleted_is_missed_until_a_person_says_why(kept: Kept, monkeypatch) -> None:
    lost, new = kept.make("lost", 1), kept.make("new", 0)
    for key in kept.keys(lost):
        kept.remove(key)
    for _ in range(2):
        result = kept.stage("expire", "new")
        assert [finding.state for finding in result.findings] == [State.OK, State.CRITICAL]
        assert f"lacks {lost}, which nobody here has deleted" in result.findings[1].summary
        assert f"upkeep backups forget shop {kept.policy}" in result.findings[1].summary

    monkeypatch.setattr("upkeep.cli.ledger.engine", lambda: kept.act().engine)
    words = ["forget", "shop", kept.policy, lost, "--why", "the bucket's owner did"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert kept.stage("expire", "new").findings[1].state is State.OK
    assert {one.copy.name for one in kept.known()} == {new}
    again = CliRunner().invoke(app, words)
    assert (again.exit_code, "no backup" in again.output) == (2, True)


def test_killed_between_a_deletion_and_its_record_a_repeat_misses_nothing(kept: Kept, monkeypatch) -> None:
    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    old, new = kept.make("old", 9), kept.make("new", 0)
    with monkeypatch.context() as broken:
        broken.setattr(expiring, "record_deleted", killed)
        with pytest.raises(KilledError):
            kept.stage("expire", "new")
    assert kept.names() == {new}
    assert {one.copy.name for one in kept.known()} == {old, new}

    result = kept.stage("expire", "new")

    assert [finding.state for finding in result.findings] == [State.OK, State.OK]
    assert {one.copy.name for one in kept.known()} == {new}


def test_what_was_to_be_deleted_and_is_kept_after_all_can_be_missed(kept: Kept) -> None:
    name = kept.make("a", 0)
    record_expiring(kept.act().engine, "shop", kept.policy, {name: "no period needs it"})
    kept.stage("expire", "a")
    for key in kept.keys(name):
        kept.remove(key)
    assert kept.stage("expire", "a").findings[1].state is State.CRITICAL


def test_a_bucket_that_is_lost_is_not_an_empty_one(kept: Kept) -> None:
    kept.cloud["s3"].delete_bucket(Bucket=kept.bucket)
    assert copies_there(kept.way, []) == []
    kept.cloud["s3"].create_bucket(
        Bucket=kept.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    kept.make("a", 0)
    known = kept.known()
    for key in list(kept.keys()):
        kept.remove(key)
    kept.cloud["s3"].delete_bucket(Bucket=kept.bucket)
    with pytest.raises(NotFoundError):
        copies_there(kept.way, known)


class TestParts:
    @pytest.fixture
    def full(self, kept: Kept) -> Kept:
        kept.policy = "full"
        return kept

    def test_a_backup_is_whole_when_every_part_is(self, full: Kept) -> None:
        name = full.make("a", 0)
        assert len(full.keys("full/configuration/")) == len(full.keys("full/again/")) == 2
        [copy] = full.way.method.copies()
        assert (copy.name, list(copy.problems)) == (name, [])
        assert [one.proven for one in full.known()] == [Level.CHECKSUMS]

    def test_one_that_lacks_a_part_is_not_found_and_says_which(self, full: Kept) -> None:
        name = full.make("a", 0)
        full.remove(full.keys("full/again/", ".json")[0])
        assert full.way.method.find(name) is None
        [copy] = full.way.method.copies()
        assert copy.problems == ["the part again is missing"]
        [finding] = full.stage("prove", "a").findings
        assert finding.state is State.CRITICAL
        assert finding.summary == f"{name} is not proven: the part again is missing"
        full.stage("make", "a")
        assert full.way.method.find(name) is not None

    def test_one_that_lacks_a_part_lets_no_other_expire(self, full: Kept) -> None:
        old, new = full.make("old", 9), full.make("new", 0)
        for key in full.keys(f"again/{new}"):
            full.remove(key)
        assert full.stage("expire", "later").carried == {"deleted": 0, "missing": 0}
        assert full.names() == {old, new}

    def test_what_is_left_of_it_goes_once_a_newer_one_is_proven(self, full: Kept) -> None:
        half = full.make("half", 1.5)
        for key in full.keys(f"again/{half}"):
            full.remove(key)
        good = full.make("good", 0)
        deleted = full.stage("expire", "good").findings[0].evidence["deleted"]
        assert deleted == {half: f"it is incomplete for more than a day, and {good} is newer and proven"}
        assert full.keys(half) == []
        assert len(full.keys(good)) == 4

    def test_damage_of_one_part_is_that_of_all(self, full: Kept) -> None:
        full.make("a", 0)
        full.put(full.keys("full/again/", ".bundle")[0], b"rubbish")
        assert "again: s3://" in full.stage("prove", "a").said
        assert full.known()[0].broken

    def test_a_repository_gives_back_its_room_once_a_week(self, kept: Kept, repository: Path) -> None:
        """A copy's own data goes when it is forgotten and pruned, with the first backup of a week."""
        programs.find("restic")
        kept.policy = "mixed"
        own = repository / "own"
        own.write_bytes(random.Random(5).randbytes(300_000))
        kept.stage("make", "gone")
        own.unlink()
        [gone] = kept.way.method.copies()
        kept.make("kept", 0)
        full = kept.stored("restic/")
        kept.way.method.delete([gone])
        kept.stage("expire", "next")
        assert kept.stored("restic/") >= full - 10_000, "one of this week was made before"

        kept.stage("expire", "kept")

        assert kept.stored("restic/") < full - 250_000
        assert kept.names() == {"mixed-kept"}

    def test_a_part_in_a_repository_that_is_not_there_yet_makes_it(self, kept: Kept) -> None:
        programs.find("restic")
        kept.policy = "mixed"
        kept.stage("make", "a")
        found = kept.way.method.find("mixed-a")
        assert found is not None
        assert list(found.facts["parts"]) == ["configuration", "files"]
