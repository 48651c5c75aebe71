"""Copies that somebody else makes: begun, waited for, and given up when they have failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.servers.aws import REGION, Aws
from tests.servers.situation import ClientsOf

from upkeep.acts.kinds import backup
from upkeep.acts.kinds.policies import BackupParameters
from upkeep.acts.model import Act
from upkeep.errors import PermanentError

pytestmark = pytest.mark.integration

POLICY = {
    "title": "Database",
    "what": "RDS",
    "method": "rds_snapshot",
    "location": {"kind": "rds_snapshot", "connection": "shop_aws", "instance": "waited-for"},
    "encryption": "aws:kms",
}


def test_a_snapshot_that_failed_is_not_waited_for(act: Callable[..., Act], cloud: Aws) -> None:
    cloud["rds"].create_db_instance(
        DBInstanceIdentifier="waited-for", DBInstanceClass="db.t3.micro", Engine="postgres",
        AllocatedStorage=20, MasterUsername="shop", MasterUserPassword="not-a-secret", StorageEncrypted=True,
    )  # fmt: skip
    of = act(parts={"backups": {"database": POLICY}}, clients=ClientsOf(aws={"rds": cloud["rds"]}))
    parameters = BackupParameters(policy="database")
    assert backup.make(of, parameters).said.endswith("was begun")
    assert backup.ready(of, parameters).ready

    taken = cloud["rds"].describe_db_snapshots(DBInstanceIdentifier="waited-for", SnapshotType="manual")
    [snapshot] = taken["DBSnapshots"]
    stored = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].database_snapshots
    stored[snapshot["DBSnapshotIdentifier"]].status = "failed"
    with pytest.raises(PermanentError, match="failed; begin it again"):
        backup.ready(of, parameters)
