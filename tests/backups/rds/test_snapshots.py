"""Manual snapshots as backups, on moto through HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from tests.backups.rds.conftest import AT
from tests.servers.rds_stages import whole_provider

from upkeep.backups.model import Level
from upkeep.backups.rds import Promise, RdsSnapshots
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

pytestmark = pytest.mark.integration
NAME = "shop-20261121T020000Z-ab12"
_POLICIES = count(1)


@pytest.fixture
def method(rds, source):
    promise = Promise(source, f"policy-{next(_POLICIES)}")
    return RdsSnapshots(rds, promise, poll_seconds=0.01, timeout_seconds=0.05, provider=whole_provider(rds))


def proof(method, copy):
    """Return what is wrong with a copy, at the level of completeness."""
    return {one.level: one.problems for one in method.check(copy)}[Level.COMPLETE]


def test_a_snapshot_is_made_tagged_and_found(method, rds, source):
    assert method.find(NAME) is None
    copy = method.make(NAME)
    assert copy == method.find(NAME)
    assert (copy.name, copy.encryption, copy.problems, copy.held) == (NAME, "aws:kms", (), False)
    assert copy.facts["settings"]["instance_class"] == "db.m5.large"
    assert copy.started_at < copy.ended_at
    row = rds.describe_db_snapshots(DBSnapshotIdentifier=copy.reference)["DBSnapshots"][0]
    tags = {one["Key"]: one["Value"] for one in row["TagList"]}
    assert tags["upkeep:policy"] == method.promise.policy
    assert [(one.level, one.holds) for one in method.check(copy)] == [
        (Level.EXISTS, True),
        (Level.COMPLETE, True),
    ]


def test_a_repeat_returns_the_same_copy_and_makes_no_second(method, before):
    first = method.make(NAME)
    before.calls.clear()
    assert method.make(NAME) == first
    assert "CreateDBSnapshot" not in before.calls


def test_waiting_is_apart_from_beginning(method, snapshot_in_moto):
    identifier = method.begin(NAME)
    snapshot_in_moto(identifier).status = "creating"
    assert method.ready(NAME) is None
    assert method.find(NAME) is None
    assert next(one.problems for one in method.copies() if one.name == NAME)
    with pytest.raises(TemporaryError, match="not done after"):
        method.make(NAME)
    snapshot_in_moto(identifier).status = "available"
    assert method.ready(NAME).problems == ()


def test_ready_without_begin_says_so(method):
    with pytest.raises(NotFoundError, match="begin it first"):
        method.ready(NAME)


def test_one_that_failed_is_replaced(method, snapshot_in_moto):
    identifier = method.begin(NAME)
    snapshot_in_moto(identifier).status = "failed"
    with pytest.raises(PermanentError, match="failed"):
        method.ready(NAME)
    with pytest.raises(TemporaryError, match="begin again"):
        method.begin(NAME)
    assert method.make(NAME).problems == ()


def test_copies_are_ours_and_the_automated_ones(method, rds, source):
    method.make(NAME)
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=f"{source}-by-hand")
    other = replace(method, promise=replace(method.promise, policy=f"{method.promise.policy}-other"))
    other.make("another")
    found = {one.name: one for one in method.copies()}
    automated = [one for one in found.values() if one.facts["kind"] == "automated"]
    assert len(automated) == 1
    assert automated[0].held
    assert set(found) - {automated[0].name} == {NAME}
    assert method.find(automated[0].name) == automated[0]
    assert proof(method, automated[0]) == []


class TestDeleting:
    def test_ours_is_deleted_and_once_gone_is_no_error(self, method):
        copy = method.make(NAME)
        method.delete([copy])
        method.delete([copy])
        assert method.find(NAME) is None
        assert [one.holds for one in method.check(copy)] == [False]

    def test_nothing_is_deleted_if_one_is_automated_held_or_foreign(self, method, rds, source):
        ours, other = method.make(NAME), method.make("later")
        rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=f"{source}-by-hand")
        foreign = replace(ours, name="by-hand", reference=f"{source}-by-hand")
        automated = next(one for one in method.copies() if one.facts["kind"] == "automated")
        rds.add_tags_to_resource(
            ResourceName=rds.describe_db_snapshots(DBSnapshotIdentifier=other.reference)["DBSnapshots"][0][
                "DBSnapshotArn"
            ],
            Tags=[{"Key": "upkeep:held", "Value": "case 12"}],
        )
        for bad in (automated, replace(automated, held=False), foreign, other):
            with pytest.raises(PermanentError, match="not deleted"):
                method.delete([ours, bad])
        assert len(rds.describe_db_snapshots(DBInstanceIdentifier=source)["DBSnapshots"]) == 4
        assert method.find("later").held


class TestDamageIsFoundAndNamed:
    def test_an_unencrypted_snapshot(self, cloud, rds):
        cloud.instance("in-clear", encrypted=False)
        method = RdsSnapshots(rds, Promise("in-clear", "clear"), provider=whole_provider(rds))
        copy = method.make(NAME)
        assert copy.encryption == "none"
        assert "not encrypted, aws:kms was promised" in copy.problems[0]
        assert proof(method, copy) == list(copy.problems)
        assert not proof(replace(method, promise=replace(method.promise, encryption="none")), copy)

    def test_a_snapshot_of_the_wrong_database(self, method, cloud, rds, snapshot_in_moto):
        copy = method.make(NAME)
        row = rds.describe_db_snapshots(DBSnapshotIdentifier=copy.reference)["DBSnapshots"][0]
        rds.delete_db_snapshot(DBSnapshotIdentifier=copy.reference)
        cloud.instance(f"{method.promise.policy}-wrong")
        rds.create_db_snapshot(
            DBInstanceIdentifier=f"{method.promise.policy}-wrong",
            DBSnapshotIdentifier=copy.reference,
            Tags=row["TagList"],
        )
        assert any("wrong database: of" in one for one in proof(method, copy))
        assert method.find(NAME).problems
        with pytest.raises(PermanentError, match="wrong database"):
            method.make(NAME)

    def test_a_snapshot_of_an_earlier_database_of_the_same_name(self, method, snapshot_in_moto):
        copy = method.make(NAME)
        snapshot_in_moto(copy.reference).dbi_resource_id = "db-EARLIER"
        assert "wrong database: its resource is db-EARLIER" in proof(method, copy)[0]

    def test_after_a_recovery_the_backups_of_before_are_still_right(self, method, source, instance_in_moto):
        copy = method.make(NAME)
        instance_in_moto(source).dbi_resource_id = "db-RESTORED"
        assert proof(method, copy) == []

    def test_another_engine_a_size_that_cannot_be_and_one_without_our_tags(
        self, method, rds, snapshot_in_moto
    ):
        copy = method.make(NAME)
        stored = snapshot_in_moto(copy.reference)
        stored.engine, stored.allocated_storage = "postgres", 101
        said = " ".join(proof(method, copy))
        assert "engine is postgres" in said
        assert "101 GiB is larger" in said
        stored.allocated_storage = 0
        assert "smaller than" in " ".join(proof(method, copy))
        stored.tags = []
        assert "not made under" in " ".join(proof(method, copy))

    def test_a_copied_snapshot_is_as_old_as_its_original(self, method, snapshot_in_moto):
        copy = method.make(NAME)
        stored = snapshot_in_moto(copy.reference)
        stored.original_snapshot_create_time = AT
        stored.created = AT + timedelta(days=30)
        assert method.find(NAME).started_at == AT


class TestRefusals:
    def test_a_foreign_snapshot_under_our_identifier_is_left_alone(self, method, rds, source):
        identifier = f"{method.promise.policy}-{NAME}".lower()
        rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=identifier)
        for act in (method.begin, method.ready, method.make):
            with pytest.raises(PermanentError, match="left alone"):
                act(NAME)
        assert "not made under" in method.find(NAME).problems[-1]

    def test_no_instance_or_one_that_is_busy(self, method, rds, source, instance_in_moto):
        missing = replace(method, promise=replace(method.promise, instance="nowhere"))
        with pytest.raises(NotFoundError, match="nowhere"):
            missing.begin(NAME)
        instance_in_moto(source).status = "backing-up"
        with pytest.raises(TemporaryError, match="backing-up"):
            method.begin(NAME)

    def test_an_encryption_that_rds_does_not_have(self, rds):
        with pytest.raises(ConfigurationError, match="aws:kms"):
            RdsSnapshots(rds, Promise("shop", "p", encryption="age"))

    @pytest.mark.parametrize(
        ("status", "code", "error", "said"),
        [
            (400, "Throttling", TemporaryError, "Throttling"),
            (400, "ExpiredToken", ConfigurationError, "credentials"),
            (403, "AccessDenied", ConfigurationError, "rights"),
            (400, "SnapshotQuotaExceeded", PermanentError, "higher quota"),
            (400, "InvalidDBInstanceState", TemporaryError, "InvalidDBInstanceState"),
            (400, "KMSKeyNotAccessibleFault", PermanentError, "KMSKeyNotAccessibleFault"),
            (503, "ServiceUnavailable", TemporaryError, "ServiceUnavailable"),
        ],
    )
    def test_what_aws_answers_is_told_apart(self, method, before, *, status, code, error, said):
        before.fails("CreateDBSnapshot", status, code)
        with pytest.raises(error, match=said):
            method.begin(NAME)
        before.errors.clear()
        assert method.make(NAME).problems == ()

    @pytest.mark.parametrize(
        ("code", "error", "said"),
        [
            ("ExpiredToken", ConfigurationError, "credentials"),
            ("InvalidDBSnapshotState", TemporaryError, "InvalidDBSnapshotState"),
        ],
    )
    def test_so_is_what_it_answers_to_a_question_and_to_a_deletion(self, method, before, code, error, said):
        copy = method.make(NAME)
        acts = {"DescribeDBSnapshots": method.ready, "DeleteDBSnapshot": lambda _: method.delete([copy])}
        for action, act in acts.items():
            before.fails(action, 400, code)
            with pytest.raises(error, match=said):
                act(NAME)
            before.errors.clear()
        assert method.ready(NAME) == copy

    def test_another_attempt_between_the_look_and_the_act(self, method, before, rds, source):
        def meanwhile(action):
            if action == "DescribeDBInstances":
                before.after = lambda _action: None
                method.begin(NAME)

        before.after = meanwhile
        method.begin(NAME)
        assert before.calls.count("CreateDBSnapshot") == 2
        ours = [one for one in method.copies() if one.facts["kind"] == "manual"]
        assert [one.problems for one in ours] == [()]
