"""Restores to a moment: the window, which moto does not guard, and the plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.aws_front import answer
from tests.servers.rds_stages import whole_provider

from upkeep.backups.rds import Target, begin_restore, look_at_moment, restore_ready, tear_down, window
from upkeep.backups.rds.point_in_time import moment_problems
from upkeep.errors import PermanentError

moments = st.integers(1_577_836_800, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(moments, moments, moments, moments)
def test_a_moment_is_taken_exactly_inside_the_window(at, one, other, present):
    earliest, latest = sorted((one, other))
    told = {"earliest": earliest.isoformat(), "latest": latest.isoformat()}
    assert (moment_problems(at, told, present) == []) == (earliest <= at <= min(latest, present))


@pytest.fixture
def target(source):
    return Target(f"{source}-at", f"moment-of-{source}", source)


@pytest.fixture
def a_week(source, rds, instance_in_moto, snapshot_in_moto):
    """The source with automated snapshots of the last ten days, of which seven are kept."""
    instance_in_moto(source).backup_retention_period = 7
    [first] = rds.describe_db_snapshots(DBInstanceIdentifier=source)["DBSnapshots"]
    snapshot_in_moto(first["DBSnapshotIdentifier"]).original_snapshot_create_time = ago(days=10)
    return source


def ago(**how):
    return datetime.now(UTC) - timedelta(**how)


@pytest.mark.integration
class TestWindow:
    def test_by_snapshots_and_retention_where_rds_tells_none(self, rds, a_week):
        found = window(rds, a_week)
        earliest, latest = (datetime.fromisoformat(found[key]) for key in ("earliest", "latest"))
        assert found["from"] == "snapshots"
        assert latest - earliest == timedelta(days=7)

    def test_from_the_oldest_snapshot_of_a_young_instance(self, rds, a_week, snapshot_in_moto):
        [first] = rds.describe_db_snapshots(DBInstanceIdentifier=a_week)["DBSnapshots"]
        taken = ago(days=2)
        snapshot_in_moto(first["DBSnapshotIdentifier"]).original_snapshot_create_time = taken
        assert window(rds, a_week)["earliest"] == taken.isoformat()

    def test_as_rds_tells_it(self, rds, before, a_week):
        told = automated(a_week, ago(days=5), ago(minutes=4), f"db-{a_week.upper()}")
        before.answers["DescribeDBInstanceAutomatedBackups"] = told
        found = window(rds, a_week)
        assert found["from"] == "RestoreWindow"
        assert datetime.fromisoformat(found["earliest"]) < ago(days=4)
        assert found["resource_id"] is None

    def test_not_by_what_an_earlier_instance_of_the_name_left(self, rds, before, a_week):
        told = automated(a_week, ago(days=30), ago(days=29), "db-EARLIER")
        before.answers["DescribeDBInstanceAutomatedBackups"] = told
        assert window(rds, a_week)["from"] == "snapshots"

    def test_none_without_automated_backups_or_an_instance(self, rds, source, instance_in_moto):
        instance_in_moto(source).backup_retention_period = 0
        with pytest.raises(PermanentError, match="backups are off"):
            window(rds, source)
        with pytest.raises(PermanentError, match="no latest restorable time"):
            window(rds, "nowhere")

    def test_none_before_the_first_automated_snapshot(self, rds, a_week):
        [first] = rds.describe_db_snapshots(DBInstanceIdentifier=a_week)["DBSnapshots"]
        rds.delete_db_snapshot(DBSnapshotIdentifier=first["DBSnapshotIdentifier"])
        with pytest.raises(PermanentError, match="no automated backup yet"):
            window(rds, a_week)


@pytest.mark.integration
class TestRestore:
    def test_to_a_moment(self, rds, before, a_week, target):
        at = ago(hours=3).replace(microsecond=0).astimezone(timezone(timedelta(hours=2)))
        plan = look_at_moment(rds, at, target)
        assert json.loads(json.dumps(plan)) == plan
        assert "the window is from RDS's snapshots" in plan["notes"]
        assert begin_restore(rds, plan) == begin_restore(rds, plan)
        assert before.calls.count("RestoreDBInstanceToPointInTime") == 1
        done = restore_ready(rds, plan)
        assert done["data_as_of"] == at.astimezone(UTC).isoformat()
        tear_down(rds, target.identifier, target.name, whole_provider(rds))
        assert window(rds, a_week)

    def test_two_looks_give_one_plan(self, rds, a_week, target):
        at = ago(hours=3)
        plans = [look_at_moment(rds, at, target) for _ in range(2)]
        seen = [plan.pop("seen") for plan in plans]
        assert plans[0] == plans[1]
        assert seen[0]["window"]["latest"] < seen[1]["window"]["latest"]

    @pytest.mark.parametrize(
        ("at", "said"),
        [
            (datetime(2001, 1, 1, tzinfo=UTC), "before the earliest"),
            (datetime.now(UTC) - timedelta(days=9), "before the earliest"),
            (datetime.now(UTC) + timedelta(days=2), "in the future"),
        ],
    )
    def test_a_moment_outside_is_refused_though_moto_takes_it(self, rds, before, *, a_week, target, at, said):
        with pytest.raises(PermanentError, match=said):
            look_at_moment(rds, at, target)
        assert "RestoreDBInstanceToPointInTime" not in before.calls

    def test_after_the_latest_restorable_time(self, rds, before, a_week, target, monkeypatch):
        rows = rds.describe_db_instances(DBInstanceIdentifier=a_week)["DBInstances"]
        before.answers["DescribeDBInstances"] = described(rows[0], ago(minutes=5))
        with pytest.raises(PermanentError, match="after the latest restorable time"):
            look_at_moment(rds, ago(minutes=1), target)

    def test_without_a_time_zone(self, rds, a_week, target):
        with pytest.raises(ValueError, match="no time zone"):
            look_at_moment(rds, datetime(2026, 11, 21, 2, tzinfo=UTC).replace(tzinfo=None), target)

    def test_everything_in_the_way_is_named_at_once(self, rds, cloud, a_week):
        cloud.instance(f"{a_week}-taken")
        wrong = Target(f"{a_week}-taken", "moment", a_week)
        with pytest.raises(PermanentError, match=r"in the future.*was not made by moment"):
            look_at_moment(rds, ago(days=-1), wrong)

    def test_an_instance_that_is_gone_is_restored_by_its_resource_id(self, rds, before, source):
        told = automated(source, ago(days=5), ago(hours=1), "db-GONE")
        before.answers["DescribeDBInstanceAutomatedBackups"] = told
        rds.delete_db_instance(DBInstanceIdentifier=source, SkipFinalSnapshot=True)
        settings = {"instance_class": "db.m5.large", "engine": "mysql", "allocated_gib": 100}
        target = Target(f"{source}-at", "moment", source, settings=settings)
        request = look_at_moment(rds, ago(hours=3), target)["request"]
        assert request["SourceDbiResourceId"] == "db-GONE"
        assert "SourceDBInstanceIdentifier" not in request


def automated(instance, earliest, latest, resource):
    """Return AWS's answer about automated backups."""
    action = "DescribeDBInstanceAutomatedBackups"
    times = f"<EarliestTime>{stamp(earliest)}</EarliestTime><LatestTime>{stamp(latest)}</LatestTime>"
    row = (
        f"<DBInstanceIdentifier>{instance}</DBInstanceIdentifier><DbiResourceId>{resource}</DbiResourceId>"
        f"<RestoreWindow>{times}</RestoreWindow>"
    )
    rows = f"<DBInstanceAutomatedBackup>{row}</DBInstanceAutomatedBackup>"
    return answer(action, f"<DBInstanceAutomatedBackups>{rows}</DBInstanceAutomatedBackups>")


def described(row, latest):
    """Return AWS's answer about an instance that can be restored until `latest`."""
    names = ("DBInstanceIdentifier", "DBInstanceClass", "Engine", "DbiResourceId", "BackupRetentionPeriod")
    facts = "".join(f"<{name}>{row[name]}</{name}>" for name in names)
    latest_time = f"<LatestRestorableTime>{stamp(latest)}</LatestRestorableTime>"
    rows = f"<DBInstance>{facts}{latest_time}</DBInstance>"
    return answer("DescribeDBInstances", f"<DBInstances>{rows}</DBInstances>")


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
