"""A process killed at each of its calls to AWS, and what the next one makes of it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from tests.backups.rds.acts import backup, clean_up, drill, takeover
from tests.servers.aws import instances
from tests.servers.killing import killed_at_call

pytestmark = pytest.mark.integration
ACTS = Path(__file__).with_name("acts.py")


def each_kill(cloud, before, act, make):
    """Kill an act at each call in turn; `make` gives the name and instance that each try works on."""
    for number in count(1):
        name, instance = make(number)
        killed = killed_at_call(before, number, ACTS, cloud.url, act, name, instance)
        yield number, name
        if not killed:
            break
    # Else the act is not the one that calls AWS.
    assert number > 2


def test_a_backup(cloud, rds, before, source):
    for _, name in each_kill(cloud, before, "backup", lambda number: (f"run-{number}", source)):
        copy = backup(rds, name, source)
        assert copy.problems == ()
        assert copy == backup(rds, name, source)
    found = rds.describe_db_snapshots(DBInstanceIdentifier=source, SnapshotType="manual")["DBSnapshots"]
    assert {one["DBSnapshotIdentifier"] for one in found} == {
        f"killed-run-{n}" for n in range(1, len(found) + 1)
    }


def test_a_restore_and_its_tear_down(cloud, rds, before, source):
    rds.modify_db_instance(DBInstanceIdentifier=source, DeletionProtection=True)
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=f"{source}-backup")
    for _, name in each_kill(cloud, before, "drill", lambda number: (f"restore-{number}", source)):
        done = drill(rds, name, source)
        assert done["host"].startswith(f"drill-{name}.")
        row = rds.describe_db_instances(DBInstanceIdentifier=f"drill-{name}")["DBInstances"][0]
        assert not row["DeletionProtection"]
        clean_up(rds, name, source)
    assert instances(rds, "drill-restore") == []
    assert source in instances(rds)


def test_a_tear_down_that_is_killed(cloud, rds, before, source):
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=f"{source}-backup")

    def make(number):
        drill(rds, f"gone-{number}", source)
        return f"gone-{number}", source

    for _, name in each_kill(cloud, before, "clean_up", make):
        clean_up(rds, name, source)
    assert instances(rds, "drill-gone") == []
    assert source in instances(rds)


def test_a_promotion(cloud, rds, before, source):
    def make(number):
        name = f"{source}-replica-{number}"
        rds.create_db_instance_read_replica(
            DBInstanceIdentifier=name, SourceDBInstanceIdentifier=source, Tags=[]
        )
        return name, source

    for _, name in each_kill(cloud, before, "takeover", make):
        before.calls.clear()
        done = takeover(rds, name, source)
        row = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        assert "ReadReplicaSourceDBInstanceIdentifier" not in row
        again = takeover(rds, name, source)
        assert (again["started_at"], again["data_as_of"]) == (done["started_at"], done["data_as_of"])
        assert before.calls.count("PromoteReadReplica") <= 1
