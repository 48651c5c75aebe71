"""An RDS instance to a moment through the stages of a run, and its drill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.acts.runs import Stages
from tests.servers.aws import instances
from tests.servers.ledger import ledger, postgres_server
from tests.servers.moments import run_of
from tests.servers.situation import ClientsOf

from upkeep.errors import ConfigurationError, PermanentError

__all__ = ["ledger", "postgres_server"]
pytestmark = pytest.mark.integration


def begin(ledger: Engine, rds: Any, source: str, kind: str, target: str, **form: Any) -> Stages:
    policy = {
        "title": "Snapshots",
        "what": "the shop",
        "method": "rds_snapshot",
        "location": {"kind": "rds_snapshot", "connection": "shop_aws", "instance": source},
        "encryption": "aws:kms",
    }
    parts = {"backups": {"database": policy}, "recovery_targets": {"rto_minutes": 60, "rpo_minutes": 60}}
    run = run_of(ledger, ClientsOf(aws={"rds": rds}), kind, parts=parts, policy="database", **form)
    run.parameters = {"policy": "database", "target": target}
    return run


@pytest.fixture
def automated(source: str, rds: Any, instance_in_moto: Any, snapshot_in_moto: Any) -> str:
    """The source with a week of automated backups."""
    instance_in_moto(source).backup_retention_period = 7
    [first] = rds.describe_db_snapshots(DBInstanceIdentifier=source)["DBSnapshots"]
    taken = datetime.now(UTC) - timedelta(days=10)
    snapshot_in_moto(first["DBSnapshotIdentifier"]).original_snapshot_create_time = taken
    return source


def test_a_moment_is_chosen_from_a_window(ledger: Engine, rds: Any, automated: str) -> None:
    target = f"{automated}-at"
    asked = begin(ledger, rds, automated, "restore_moment", target).do("plan")
    assert asked.stop
    assert [one.partition(" ")[0] for one in asked.findings[0].evidence["choices"]] == ["from", "to"]
    late = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    with pytest.raises(PermanentError, match="in the future"):
        begin(ledger, rds, automated, "restore_moment", target, moment=late).do("plan")
    there = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    with pytest.raises(ConfigurationError, match="name the instance to make"):
        begin(ledger, rds, automated, "restore_moment", "", moment=there).do("plan")


def test_a_drill_goes_to_the_newest_and_leaves_nothing(ledger: Engine, rds: Any, automated: str) -> None:
    run = begin(ledger, rds, automated, "drill_moment", f"{automated}-drill")
    run.until("ready")
    run.do("restore")
    run.until("measure")
    assert f"{automated}-drill" in instances(rds)
    run.do("clean_up")
    assert f"{automated}-drill" not in instances(rds)
