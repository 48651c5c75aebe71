"""Restores of an RDS instance to a moment: the window in which that can be, and the plan.

RDS refuses a moment outside the window; the sandbox's AWS takes any. So the pre-flight decides here.
The acts are those of `upkeep.backups.rds.restore`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from upkeep.backups.rds.calls import aws_acts, instant, now, refuse
from upkeep.backups.rds.rows import instance_row, snapshot_rows, taken_at
from upkeep.backups.rds.target import Target, look_at_target
from upkeep.clients.aws.errors import page_items
from upkeep.errors import PermanentError


def window(client: Any, source: str) -> dict[str, Any]:
    """Return the moments an instance can be restored to: `earliest`, `latest`, and where they are from.

    `from` is `RestoreWindow` where RDS tells it; else `snapshots`: from the oldest automated snapshot, but no
    longer than the retention period before the latest restorable time. `resource_id` identifies an instance
    that is gone and whose automated backups were retained; it is None while the instance is there.
    `encrypted` says whether they are. Raises PermanentError if automated backups are off, or there is nothing
    of this name.
    """
    row = instance_row(client, source)
    if row is not None and not row.get("BackupRetentionPeriod"):
        raise PermanentError(
            f"RDS instance {source}: its automated backups are off, no moment can be restored; use a snapshot"
        )
    backup = _automated_backup(client, source, row)
    told = (backup or {}).get("RestoreWindow") or {}
    latest = (row or {}).get("LatestRestorableTime") or told.get("LatestTime")
    if latest is None:
        raise PermanentError(f"RDS instance {source}: RDS tells no latest restorable time; use a snapshot")
    earliest, where = told.get("EarliestTime"), "RestoreWindow"
    if earliest is None:
        earliest, where = _earliest_by_snapshots(client, source, row or backup or {}, latest), "snapshots"
    if earliest is None:
        raise PermanentError(f"RDS instance {source}: it has no automated backup yet; use a snapshot")
    left = backup or {}
    return {
        "earliest": instant(earliest),
        "latest": instant(latest),
        "from": where,
        "resource_id": None if row else left.get("DbiResourceId"),
        "encrypted": bool(row.get("StorageEncrypted") if row else left.get("Encrypted")),
    }


def look_at_moment(client: Any, moment: datetime, target: Target) -> dict[str, Any]:
    """Return the plan of a restore to a moment (with time zone); nothing is touched.

    Raises PermanentError that names everything in the way: a moment outside the window, the target's
    identifier, quotas, groups; ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"the moment to restore to has no time zone: {moment.isoformat()}")
    at = moment.astimezone(UTC)
    seen = window(client, target.source)
    look = look_at_target(client, target)
    problems = [*moment_problems(at, seen, now()), *look.problems]
    refuse(f"restore of {target.source} as of {instant(at)} to {target.identifier}", problems)
    of = (
        {"SourceDbiResourceId": seen["resource_id"]}
        if seen["resource_id"]
        else {"SourceDBInstanceIdentifier": target.source}
    )
    does = [
        f"a new instance {target.identifier} is made from the backups and logs of {target.source}",
        f"its data is as of {instant(at)}; what was written later is not in it",
        "it is not public, and in the source's network",
        f"{target.source} is not touched",
    ]
    wanted = {**of, "TargetDBInstanceIdentifier": target.identifier, "RestoreTime": instant(at)}
    return {
        "kind": "rds_point_in_time",
        "target": target.identifier,
        "name": target.name,
        "source": target.source,
        "drill": target.drill,
        "encrypted": seen["encrypted"],
        "data_as_of": instant(at),
        "request": {**wanted, **look.request},
        "does": does,
        "notes": [*look.notes, f"the window is from RDS's {seen['from']}"],
        "seen": {**look.seen, "window": seen},
    }


def moment_problems(at: datetime, window: Mapping[str, Any], present: datetime) -> list[str]:
    """Return why a moment cannot be restored; `window` as the function of that name gives it."""
    earliest, latest = (datetime.fromisoformat(window[key]) for key in ("earliest", "latest"))
    if at > present:
        return [f"{instant(at)} is in the future"]
    if at > latest:
        return [f"{instant(at)} is after the latest restorable time, {window['latest']}: wait, or go earlier"]
    if at < earliest:
        return [f"{instant(at)} is before the earliest restorable time, {window['earliest']}: use a snapshot"]
    return []


def _automated_backup(client: Any, source: str, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the automated backup of this instance; an earlier one of the same name may have left another."""
    where = f"RDS automated backups of {source}"
    with aws_acts(where):
        wanted = {"DBInstanceIdentifier": source}
        operation, key = "describe_db_instance_automated_backups", "DBInstanceAutomatedBackups"
        rows = list(page_items(client, operation, wanted, key, where))
    resource = (row or {}).get("DbiResourceId")
    if resource:
        rows = [one for one in rows if one.get("DbiResourceId") in (None, resource)]
    if not row and len(rows) > 1:
        raise PermanentError(f"{where}: {len(rows)} instances of that name left backups; use a snapshot")
    return rows[0] if rows else None


def _earliest_by_snapshots(
    client: Any, source: str, row: Mapping[str, Any], latest: datetime
) -> datetime | None:
    taken = [
        at
        for one in snapshot_rows(client, source)
        if one.get("SnapshotType") == "automated" and one.get("Status") == "available"
        if row.get("DbiResourceId") in (None, one.get("DbiResourceId")) and (at := taken_at(one))
    ]
    oldest_kept = latest - timedelta(days=int(row.get("BackupRetentionPeriod") or 0))
    return max(min(taken), oldest_kept) if taken else None
