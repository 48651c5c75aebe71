"""Snapshots of RDS, which somebody else makes: begun, waited for, examined, given up if they have failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.servers.aws import REGION, Aws
from tests.servers.rds_stages import whole_provider
from tests.servers.situation import ClientsOf

from upkeep.acts.kinds import backup
from upkeep.acts.kinds.policies import BackupParameters
from upkeep.acts.model import Act
from upkeep.backups.model import Level
from upkeep.errors import PermanentError
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
    parts = {"backups": {policy: {**POLICY, "location": location}}}
    rds = cloud["rds"]
    return act(parts=parts, clients=ClientsOf(aws={"rds": rds}), provider=whole_provider(rds))


def test_a_snapshot_that_failed_is_not_waited_for(
    act: Callable[..., Act], cloud: Aws, instance: Callable[..., None]
) -> None:
    instance("waited-for", encrypted=True)
    of = of_instance(act, cloud, "waited-for")
    assert backup.make(of, PARAMETERS).said.endswith("was begun")
    assert backup.ready(of, PARAMETERS).ready

    taken = cloud["rds"].describe_db_snapshots(DBInstanceIdentifier="waited-for", SnapshotType="manual")
    [snapshot] = taken["DBSnapshots"]
    stored = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].database_snapshots
    stored[snapshot["DBSnapshotIdentifier"]].status = "failed"
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
