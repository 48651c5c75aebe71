"""RDS: instances and their snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.clients.answers import NotFoundError, safe_excerpt
from upkeep.clients.aws.errors import aws_errors, page_items
from upkeep.errors import BadAnswer

_GIB = 1024**3


@dataclass(frozen=True)
class Snapshot:
    """A snapshot. created_at: None while it is being made. kind: automated, manual or awsbackup.

    allocated_bytes: the size of the disk it was taken of, not of the data.
    """

    id: str
    arn: str
    instance: str
    created_at: datetime | None
    status: str
    progress_percent: int
    kind: str
    engine: str
    allocated_bytes: int
    encrypted: bool
    kms_key: str | None


@dataclass(frozen=True)
class Instance:
    """A database instance. restorable_until: the newest moment it can be restored to."""

    id: str
    status: str
    engine: str
    version: str
    multi_az: bool
    encrypted: bool
    allocated_bytes: int
    backup_retention_days: int
    backup_window: str
    restorable_until: datetime | None
    ca_certificate: str | None


def rds_snapshots(client: Any, instance: str) -> Iterator[Snapshot]:
    """Yield the snapshots of an instance, automated ones too, page by page, in AWS's order.

    client: boto3's `rds`. Raises TemporaryError, ConfigurationError, NotFoundError, BadAnswer.
    """
    where = f"RDS snapshots of {instance}"
    with aws_errors(where):
        wanted = {"DBInstanceIdentifier": instance}
        for row in page_items(client, "describe_db_snapshots", wanted, "DBSnapshots", where):
            yield Snapshot(
                id=_needed(row, "DBSnapshotIdentifier", where),
                arn=str(row.get("DBSnapshotArn", "")),
                instance=str(row.get("DBInstanceIdentifier", instance)),
                created_at=_moment_or_none(row.get("SnapshotCreateTime")),
                status=_needed(row, "Status", where),
                progress_percent=int(row.get("PercentProgress", 0)),
                kind=str(row.get("SnapshotType", "")),
                engine=str(row.get("Engine", "")),
                allocated_bytes=int(row.get("AllocatedStorage", 0)) * _GIB,
                encrypted=row.get("Encrypted") is True,
                kms_key=row.get("KmsKeyId"),
            )


def rds_instance(client: Any, instance: str) -> Instance:
    """Return an instance; raises what `rds_snapshots` raises, NotFoundError if there is none of that name."""
    where = f"RDS instance {instance}"
    with aws_errors(where):
        rows = client.describe_db_instances(DBInstanceIdentifier=instance).get("DBInstances") or []
    if not rows:
        raise NotFoundError(f"{where}: there is none of that name")
    row = rows[0]
    return Instance(
        id=_needed(row, "DBInstanceIdentifier", where),
        status=_needed(row, "DBInstanceStatus", where),
        engine=str(row.get("Engine", "")),
        version=str(row.get("EngineVersion", "")),
        multi_az=row.get("MultiAZ") is True,
        encrypted=row.get("StorageEncrypted") is True,
        allocated_bytes=int(row.get("AllocatedStorage", 0)) * _GIB,
        backup_retention_days=int(row.get("BackupRetentionPeriod", 0)),
        backup_window=str(row.get("PreferredBackupWindow", "")),
        restorable_until=_moment_or_none(row.get("LatestRestorableTime")),
        ca_certificate=row.get("CACertificateIdentifier"),
    )


def _needed(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise BadAnswer(f"{where}: no {key} in {safe_excerpt(repr(row))}")
    return value


def _moment_or_none(value: Any) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None
