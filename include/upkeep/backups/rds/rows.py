"""Reading instances and snapshots as RDS describes them, and judging a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.model import Copy
from upkeep.backups.rds.calls import BEGUN, ENDED, HELD, NAME, POLICY, RESOURCE, aws_acts, moment_of, tags_of
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.errors import page_items
from upkeep.errors import BadAnswer

_GIB = 1024**3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Promise:
    """What the snapshots of a policy must be.

    encryption: `aws:kms` or `none`, as RDS knows no other. smallest_bytes: of the disk.
    """

    instance: str
    policy: str
    encryption: str = "aws:kms"
    smallest_bytes: int = 1


def instance_row(client: Any, instance: str) -> dict[str, Any] | None:
    """Return an instance as RDS describes it, None if there is none of that identifier."""
    where = f"RDS instance {instance}"
    try:
        with aws_acts(where):
            rows = client.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    except NotFoundError:
        return None
    return dict(rows[0]) if rows else None


def snapshot_row(client: Any, identifier: str) -> dict[str, Any] | None:
    """Return a snapshot as RDS describes it, None if there is none of that identifier."""
    try:
        with aws_acts(f"RDS snapshot {identifier}"):
            rows = client.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"]
    except NotFoundError:
        return None
    return dict(rows[0]) if rows else None


def snapshot_rows(client: Any, instance: str) -> Iterator[dict[str, Any]]:
    """Yield the manual and automated snapshots of an instance, page by page."""
    where = f"RDS snapshots of {instance}"
    with aws_acts(where):
        wanted = {"DBInstanceIdentifier": instance}
        yield from page_items(client, "describe_db_snapshots", wanted, "DBSnapshots", where)


def settings_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a copy of an instance needs to be like it, in values that JSON can hold.

    A backup keeps them among its facts, for the day when the instance itself is gone.
    """
    return {
        "instance_class": row["DBInstanceClass"],
        "engine": row["Engine"],
        "engine_version": row.get("EngineVersion"),
        "subnet_group": (row.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        "security_groups": [one["VpcSecurityGroupId"] for one in row.get("VpcSecurityGroups") or []],
        "parameter_group": next(
            (one["DBParameterGroupName"] for one in row.get("DBParameterGroups") or []), None
        ),
        "multi_az": row.get("MultiAZ") is True,
        "allocated_gib": int(row.get("AllocatedStorage") or 0),
    }


def taken_at(row: Mapping[str, Any]) -> datetime | None:
    """Return as of when a snapshot's data is; a copy of a snapshot is as old as its original."""
    at = row.get("OriginalSnapshotCreateTime") or row.get("SnapshotCreateTime")
    return at.astimezone(UTC) if isinstance(at, datetime) else None


def copy_of(row: Mapping[str, Any], promise: Promise, source: Mapping[str, Any] | None) -> Copy:
    """Return a snapshot as a copy. source: the instance as it is now, None if it is gone.

    Its start is the time of the snapshot; its end the time at which it was first seen finished, for RDS tells
    none. An automated snapshot is `held`: RDS alone deletes it, when its retention is over.
    """
    tags = tags_of(row)
    if "DBSnapshotIdentifier" not in row:
        raise BadAnswer(f"RDS snapshots of {promise.instance}: one has no identifier")
    at = taken_at(row) or moment_of(tags.get(BEGUN)) or _EPOCH
    manual = row.get("SnapshotType") == "manual"
    return Copy(
        name=tags.get(NAME) or row["DBSnapshotIdentifier"],
        reference=row["DBSnapshotIdentifier"],
        started_at=at,
        ended_at=max(at, moment_of(tags.get(ENDED)) or at),
        bytes=row.get("FullSnapshotSizeInBytes"),
        encryption="aws:kms" if row.get("Encrypted") else "none",
        facts=_facts(row, source),
        problems=tuple(problems_of(row, promise, source)),
        held=not manual or HELD in tags,
    )


def problems_of(row: Mapping[str, Any], promise: Promise, source: Mapping[str, Any] | None) -> list[str]:
    """Return why a snapshot is not what was promised, each a sentence that names it."""
    found = [
        *_unfinished(row),
        *_not_encrypted_as_promised(row, promise),
        *_wrong_database(row, promise, source),
        *_implausible(row, promise, source),
    ]
    return [f"snapshot {row['DBSnapshotIdentifier']}: {one}" for one in found]


def is_ours(row: Mapping[str, Any], policy: str) -> bool:
    """Return whether a snapshot is a manual one that was made under this policy."""
    return row.get("SnapshotType") == "manual" and tags_of(row).get(POLICY) == policy


def _facts(row: Mapping[str, Any], source: Mapping[str, Any] | None) -> dict[str, Any]:
    newest = row.get("SnapshotDatabaseTime")
    return {
        "kind": row.get("SnapshotType"),
        "instance": row.get("DBInstanceIdentifier"),
        "resource_id": row.get("DbiResourceId"),
        "engine": f"{row.get('Engine')} {row.get('EngineVersion')}",
        "allocated_bytes": int(row.get("AllocatedStorage") or 0) * _GIB,
        "kms_key": row.get("KmsKeyId"),
        "newest_transaction": newest.isoformat() if isinstance(newest, datetime) else None,
        "settings": settings_of(source) if source else None,
    }


def _unfinished(row: Mapping[str, Any]) -> Iterator[str]:
    if row.get("Status") != "available":
        yield f"its status is {row.get('Status')}, not available"
    # The field may be missing; the status speaks then.
    if (done := row.get("PercentProgress")) is not None and done < 100:
        yield f"it is {done} % done"


def _not_encrypted_as_promised(row: Mapping[str, Any], promise: Promise) -> Iterator[str]:
    if promise.encryption != "none" and not row.get("Encrypted"):
        yield f"it is not encrypted, {promise.encryption} was promised"


def _wrong_database(
    row: Mapping[str, Any], promise: Promise, source: Mapping[str, Any] | None
) -> Iterator[str]:
    of = str(row.get("DBInstanceIdentifier"))
    if of.lower() != promise.instance.lower():
        yield f"it is of the wrong database: of {of}, not of {promise.instance}"
    # RDS's own id, which a rename and a new instance of the same name do not share.
    noted = tags_of(row).get(RESOURCE) or (source or {}).get("DbiResourceId")
    if noted and row.get("DbiResourceId") and row["DbiResourceId"] != noted:
        yield f"it is of the wrong database: its resource is {row['DbiResourceId']}, not {noted}"
    if source and row.get("Engine") != source.get("Engine"):
        yield f"its engine is {row.get('Engine')}, {promise.instance} runs {source.get('Engine')}"


def _implausible(row: Mapping[str, Any], promise: Promise, source: Mapping[str, Any] | None) -> Iterator[str]:
    gib = int(row.get("AllocatedStorage") or 0)
    if gib * _GIB < promise.smallest_bytes:
        yield f"its disk of {gib} GiB is smaller than the {promise.smallest_bytes} bytes expected"
    # The disk of an instance grows and never shrinks; a blue/green switch may bring another, smaller one.
    same = source and source.get("DbiResourceId") == row.get("DbiResourceId")
    if source and same and gib > int(source.get("AllocatedStorage") or 0):
        yield f"its disk of {gib} GiB is larger than the {source.get('AllocatedStorage')} GiB of the instance"
