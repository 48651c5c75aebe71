"""Snapshots of RDS, which somebody else makes: begun, waited for, examined, given up if they have failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.acts.runs import Stages
from tests.servers.aws import REGION, Aws
from tests.servers.rds_stages import whole_provider
from tests.servers.situation import ClientsOf

from upkeep.acts.kinds import backup
from upkeep.acts.kinds.policies import BackupParameters
from upkeep.acts.model import Act
from upkeep.backups.model import Level
from upkeep.errors import PermanentError, TemporaryError
from upkeep.findings import State

pytestmark = pytest.mark.integration

POLICY: dict[str, Any] = {
    "title": "Database",
    "what": "RDS",
    "method": "rds_snapshot",
    "location": {"kind": "rds_snapshot", "connection": "shop_aws", "instance": ""},
    "encryption": "aws:kms",
}
PARAMETERS = BackupParameters(policy="database")


@pytest.fixture
def instance(cloud: Aws) -> Callable[..., None]:
    """Make an instance of RDS."""

    def make(name: str, *, encrypted: bool) -> None:
        cloud["rds"].create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20,
            MasterUsername="shop", MasterUserPassword="not-a-secret", StorageEncrypted=encrypted,
        )  # fmt: skip

    return make


def of_instance(act: Callable[..., Act], cloud: Aws, name: str, policy: str = "database") -> Act:
    location = {**POLICY["location"], "instance": name}
    parts = {"backups": {policy: {**POLICY, "location": location, "keep": {"daily_days": 1}}}}
    rds = cloud["rds"]
    return act(parts=parts, clients=ClientsOf(aws={"rds": rds}), provider=whole_provider(rds))


def test_a_snapshot_that_failed_is_not_waited_for(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("waited-for", encrypted=True)
    of = of_instance(act, cloud, "waited-for")
    assert backup.make(of, PARAMETERS).said.endswith("was begun")
    assert backup.ready(of, PARAMETERS).ready

    [snapshot] = taken(cloud, "waited-for")
    stored(snapshot).status = "failed"
    with pytest.raises(PermanentError, match="failed; begin it again"):
        backup.ready(of, PARAMETERS)


def test_a_snapshot_that_is_not_encrypted_is_named_and_never_counts(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("open-disk", encrypted=False)
    of, parameters = of_instance(act, cloud, "open-disk", "plain"), BackupParameters(policy="plain")
    backup.make(of, parameters)
    assert backup.ready(of, parameters).ready

    result = backup.prove(of, parameters)

    [finding] = result.findings
    assert finding.state is State.CRITICAL
    assert "not encrypted" in finding.summary
    assert result.carried["proven"] <= Level.EXISTS


def test_a_snapshot_of_another_database_is_not_taken_for_ours(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("theirs", encrypted=True)
    instance("ours", encrypted=True)
    parameters = BackupParameters(policy="moved")
    backup.make(of_instance(act, cloud, "theirs", "moved"), parameters)

    with pytest.raises(PermanentError, match="of the wrong database: of theirs, not of ours"):
        backup.make(of_instance(act, cloud, "ours", "moved"), parameters)


def test_one_that_failed_is_deleted_and_made_anew_by_the_stage_that_makes(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("failing", encrypted=True)
    run = Stages(of_instance(act, cloud, "failing", "anew"), "backup", {"policy": "anew"})
    run.until("make")
    [first] = taken(cloud, "failing")
    stored(first).status = "failed"
    with pytest.raises(TemporaryError, match="had failed and is being deleted; begin again"):
        run.do("make")

    run.do("make")

    assert run.do("ready").ready
    assert taken(cloud, "failing") == [first]
    assert stored(first).status == "available"


def test_what_has_expired_is_deleted_once_a_newer_one_is_proven(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("growing", encrypted=True)
    now = datetime.now(UTC)  # as moto's clock, which dates RDS's own snapshot
    of = replace(of_instance(act, cloud, "growing", "kept"), began_at=now, now=now)
    names: list[str] = []
    for label, age in (("old", 400), ("new", 0)):
        run = Stages(replace(of, label=label, run=("shop_backup", label)), "backup", {"policy": "kept"})
        run.until("ready")
        [made] = set(taken(cloud, "growing")) - set(names)
        names.append(made)
        stored(made).original_snapshot_create_time = now - timedelta(days=age)
        run.until("prove")

    assert run.do("expire").carried["deleted"] == 1
    assert taken(cloud, "growing") == names[1:]


def test_a_part_of_a_larger_backup_is_made_awaited_and_deleted_with_it(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("part-a", encrypted=True)
    instance("part-b", encrypted=True)
    of = of_instance(act, cloud, "part-a", "a")
    policies = dict(of.system.backups)
    other = POLICY | {"location": {**POLICY["location"], "instance": "part-b"}}
    whole = POLICY | {
        "method": "image",
        "location": {"kind": "s3_objects", "connection": "shop_aws", "bucket": "shop-backups"},
        "source": {"kind": "parts", "policies": ["a", "b"]},
    }
    parts = {"a": policies["a"].model_dump(), "b": other, "whole": whole}
    run = Stages(act(parts={"backups": parts}, clients=of.clients), "backup", {"policy": "whole"})

    assert run.until("expire").carried["deleted"] == 0
    assert [len(taken(cloud, name)) for name in ("part-a", "part-b")] == [1, 1]


def taken(cloud: Aws, name: str) -> list[str]:
    """Return the manual snapshots of an instance."""
    rows = cloud["rds"].describe_db_snapshots(DBInstanceIdentifier=name, SnapshotType="manual")["DBSnapshots"]
    return sorted(row["DBSnapshotIdentifier"] for row in rows)


def stored(snapshot: str) -> Any:
    """Return moto's own snapshot, for a test to change."""
    return get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].database_snapshots[snapshot]
