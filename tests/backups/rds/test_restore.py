"""Restores from a snapshot to a new instance, on moto through HTTP."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.backups.rds.conftest import look
from tests.servers.rds_stages import whole_provider

from upkeep.backups.rds import (
    RdsSnapshots,
    begin_restore,
    is_gone,
    restore_ready,
    tear_down,
)
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

pytestmark = pytest.mark.integration


def test_a_drill_from_the_look_to_the_tear_down(rds, grouped, snapshot, target, promise):
    plan = look(rds, snapshot, target, promise)
    assert json.loads(json.dumps(plan)) == plan
    assert plan["data_as_of"] == snapshot.started_at.isoformat()
    begun = begin_restore(rds, plan)
    assert (begun["ended_at"], begun["data_as_of"]) == (None, plan["data_as_of"])
    done = restore_ready(rds, plan)
    assert begun["started_at"] == done["started_at"] < done["ended_at"]
    row = rds.describe_db_instances(DBInstanceIdentifier=target.identifier)["DBInstances"][0]
    assert row["DBSubnetGroup"]["DBSubnetGroupName"] == f"{grouped}-net"
    assert [one["VpcSecurityGroupId"] for one in row["VpcSecurityGroups"]] == ["sg-own"]
    assert row["DBParameterGroups"][0]["DBParameterGroupName"] == f"{grouped}-parameters"
    assert not row.get("PubliclyAccessible")
    assert not row["DeletionProtection"]
    assert not tear_down(rds, target.identifier, target.name, whole_provider(rds))["gone"]
    assert is_gone(rds, target.identifier, target.name)
    assert tear_down(rds, target.identifier, target.name, whole_provider(rds))["gone"]
    assert rds.describe_db_instances(DBInstanceIdentifier=grouped)["DBInstances"]


def test_the_look_only_reads_and_a_second_gives_the_same_plan(rds, before, *, snapshot, target, promise):
    before.calls.clear()
    first = look(rds, snapshot, target, promise)
    assert {call[:8] for call in before.calls} == {"Describe"}
    begin_restore(rds, first)
    again = look(rds, snapshot, target, promise)
    assert (first.pop("seen")["target"], again.pop("seen")["target"]) == ("free", "ours")
    assert first == again


def test_a_repeat_begins_no_second_restore(rds, before, snapshot, target, promise):
    plan = look(rds, snapshot, target, promise)
    assert begin_restore(rds, plan) == begin_restore(rds, plan)
    assert before.calls.count("RestoreDBInstanceFromDBSnapshot") == 1


def test_a_real_recovery_is_protected_and_not_torn_down(rds, snapshot, target, promise):
    plan = look(rds, snapshot, replace(target, drill=False), promise)
    begin_restore(rds, plan)
    restore_ready(rds, plan)
    with pytest.raises(PermanentError, match="deletion protection"):
        tear_down(rds, target.identifier, target.name, whole_provider(rds))


def test_what_the_source_passes_on_is_corrected(rds, before, *, source, promise, target, instance_in_moto):
    stored = instance_in_moto(source)
    stored.publicly_accessible, stored.deletion_protection, stored.multi_az = True, True, True
    snapshot = RdsSnapshots(rds, promise, provider=whole_provider(rds)).make("open")
    plan = look(rds, snapshot, target, promise)
    begin_restore(rds, plan)
    assert restore_ready(rds, plan) is None
    assert restore_ready(rds, plan) is not None
    assert before.calls.count("ModifyDBInstance") == 1
    made = instance_in_moto(target.identifier)
    assert (made.publicly_accessible, made.deletion_protection, made.multi_az) == (False, False, False)


def test_one_that_is_being_deleted_is_neither_deleted_again_nor_taken(
    rds, before, snapshot, target, promise, *, instance_in_moto
):
    plan = look(rds, snapshot, target, promise)
    begin_restore(rds, plan)
    instance_in_moto(target.identifier).status = "deleting"
    assert not tear_down(rds, target.identifier, target.name, whole_provider(rds))["gone"]
    assert not is_gone(rds, target.identifier, target.name)
    assert "DeleteDBInstance" not in before.calls
    with pytest.raises(PermanentError, match="wait until it is gone"):
        look(rds, snapshot, target, promise)
    with pytest.raises(PermanentError, match="deleting"):
        restore_ready(rds, plan)


def test_waiting_and_giving_up(rds, snapshot, target, promise, instance_in_moto):
    plan = look(rds, snapshot, target, promise)
    with pytest.raises(NotFoundError, match="begin the restore first"):
        restore_ready(rds, plan)
    begin_restore(rds, plan)
    made = instance_in_moto(target.identifier)
    made.status = "creating"
    assert restore_ready(rds, plan) is None
    made.status = "incompatible-restore"
    with pytest.raises(PermanentError, match="tear it down"):
        restore_ready(rds, plan)
    made.status = "available"
    made.storage_encrypted = False
    with pytest.raises(PermanentError, match="not encrypted"):
        restore_ready(rds, plan)


def test_without_its_source_the_settings_of_the_backup_serve(rds, snapshot, target, promise):
    rds.delete_db_instance(DBInstanceIdentifier=target.source, SkipFinalSnapshot=True)
    with pytest.raises(PermanentError, match="among a backup's facts"):
        look(rds, snapshot, target, promise)
    plan = look(rds, snapshot, replace(target, settings=snapshot.facts["settings"]), promise)
    begin_restore(rds, plan)
    assert restore_ready(rds, plan)["data_as_of"] == snapshot.started_at.isoformat()


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        (400, "InstanceQuotaExceeded", PermanentError, "higher quota"),
        (400, "KMSKeyNotAccessibleFault", PermanentError, "KMSKeyNotAccessible"),
        (400, "ExpiredToken", ConfigurationError, "credentials"),
        (400, "InsufficientDBInstanceCapacity", TemporaryError, "Capacity"),
        (400, "Throttling", TemporaryError, "Throttling"),
    ],
)
def test_what_aws_answers_leaves_nothing_and_can_be_repeated(
    rds, before, *, snapshot, target, promise, status, code, error, said
):
    plan = look(rds, snapshot, target, promise)
    before.fails("RestoreDBInstanceFromDBSnapshot", status, code)
    with pytest.raises(error, match=said):
        begin_restore(rds, plan)
    before.errors.clear()
    begin_restore(rds, plan)
    assert restore_ready(rds, plan)


def test_somebody_else_takes_the_identifier_between_look_and_act(cloud, rds, snapshot, target, promise):
    plan = look(rds, snapshot, target, promise)
    cloud.instance(target.identifier)
    for act in (begin_restore, restore_ready):
        with pytest.raises(PermanentError, match="left alone"):
            act(rds, plan)
