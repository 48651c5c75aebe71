"""Restores of an RDS instance from a snapshot, to a new instance: look, begin, wait, tear down.

The acts take the plan that `look_at_snapshot` or `point_in_time.look_at_moment` gave, so that what was
approved is what is done. A plan holds nothing that moves but `seen`: take that out to compare two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upkeep.backups.provider import Provider
from upkeep.backups.rds.calls import (
    BEGUN,
    DATA_AS_OF,
    KIND,
    NAME,
    SOURCE,
    aws_acts,
    error_code,
    instant,
    now,
    refuse,
    step,
    tag_list,
    tags_of,
)
from upkeep.backups.rds.rows import Promise, instance_row, problems_of, snapshot_row, taken_at
from upkeep.backups.rds.target import RESTORED, Target, is_restored_as, look_at_target
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError

_BROKEN = {
    "failed",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "inaccessible-encryption-credentials",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
}


def look_at_snapshot(client: Any, snapshot: str, target: Target, promise: Promise) -> dict[str, Any]:
    """Return the plan of a restore from a snapshot; nothing is touched.

    Raises PermanentError that names everything in the way: the snapshot, the target's identifier, quotas,
    groups.
    """
    row = snapshot_row(client, snapshot)
    if row is None:
        raise NotFoundError(f"RDS snapshot {snapshot} is not there: refused, nothing was touched")
    source = instance_row(client, target.source)
    look = look_at_target(client, target)
    problems = [*problems_of(row, promise, source), *look.problems]
    refuse(f"restore of {snapshot} to {target.identifier}", problems)
    at = instant(taken_at(row))
    wanted = {"DBSnapshotIdentifier": snapshot, "DBInstanceIdentifier": target.identifier}
    does = [
        f"a new instance {target.identifier} is made from snapshot {snapshot} of {target.source}",
        f"its data is as of {at}; what was written later is not in it",
        "it is encrypted as the snapshot is, not public, and in the source's network",
        f"{target.source} is not touched",
    ]
    return {
        "kind": "rds_snapshot_restore",
        "target": target.identifier,
        "name": target.name,
        "source": target.source,
        "drill": target.drill,
        "encrypted": bool(row.get("Encrypted")),
        "data_as_of": at,
        "request": {**wanted, **look.request},
        "does": does,
        "notes": look.notes,
        "seen": look.seen,
    }


def begin_restore(client: Any, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Begin a restore and return its step, at once; a repeat finds what was begun.

    Raises PermanentError if the identifier is taken by something foreign, or a quota is exceeded.
    """
    row = instance_row(client, plan["target"])
    if row is None:
        row = _create(client, plan)
    _must_be_ours(row, plan)
    return _step(row, plan, ended=False)


def restore_ready(client: Any, plan: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the restore's step with the end point, None while RDS makes it; call it after `begin_restore`.

    Settings that are not as planned (RDS has taken the source's, or somebody changed them) are corrected
    before it counts as ready. Raises PermanentError if RDS gave up, or it is not there.
    """
    row = instance_row(client, plan["target"])
    if row is None:
        raise NotFoundError(f"RDS instance {plan['target']} is not there; begin the restore first")
    _must_be_ours(row, plan)
    status = row.get("DBInstanceStatus")
    if status in _BROKEN or status == "deleting":
        raise PermanentError(f"RDS instance {plan['target']}: {status}; tear it down and restore again")
    if status != "available":
        return None
    if plan["encrypted"] and not row.get("StorageEncrypted"):
        raise PermanentError(f"RDS instance {plan['target']} is not encrypted, its source was; tear it down")
    if wrong := _settings_to_correct(row, plan["request"]):
        with aws_acts(f"RDS instance {plan['target']}"):
            client.modify_db_instance(DBInstanceIdentifier=plan["target"], ApplyImmediately=True, **wrong)
        return None
    return _step(row, plan, ended=True)


def tear_down(client: Any, target: str, name: str, provider: Provider) -> dict[str, Any]:
    """Begin to delete the instance that the restore of this name made, without a final snapshot.

    provider: deletes it, in the client's region. One that is gone or being deleted is no error. Raises
    PermanentError, and touches nothing, if it carries other tags, or its deletion protection is on: somebody
    keeps it.
    """
    started = now()
    row = instance_row(client, target)
    if row is None or (row.get("DBInstanceStatus") == "deleting" and is_restored_as(row, name)):
        return step("tear_down", started, now() if row is None else None, target=target, gone=row is None)
    if not is_restored_as(row, name):
        raise PermanentError(f"RDS instance {target} was not made by {name}: it is not deleted")
    if row.get("DeletionProtection"):
        raise PermanentError(
            f"RDS instance {target} has deletion protection: somebody keeps it; switch it off to delete it"
        )
    try:
        with aws_acts(f"RDS instance {target}"):
            provider.delete_instance(target, client.meta.region_name)
    except NotFoundError:
        pass
    return step("tear_down", started, None, target=target, gone=False)


def is_gone(client: Any, target: str, name: str) -> bool:
    """Return whether nothing of the restore of this name is left under the identifier."""
    row = instance_row(client, target)
    return row is None or not is_restored_as(row, name)


def _create(client: Any, plan: Mapping[str, Any]) -> dict[str, Any]:
    tags = tag_list(
        {
            KIND: RESTORED,
            NAME: plan["name"],
            SOURCE: plan["source"],
            BEGUN: instant(now()),
            DATA_AS_OF: plan["data_as_of"],
        }
    )
    act = (
        client.restore_db_instance_from_db_snapshot
        if plan["kind"] == "rds_snapshot_restore"
        else client.restore_db_instance_to_point_in_time
    )
    try:
        with aws_acts(f"restore to {plan['target']}"):
            return dict(act(**plan["request"], Tags=tags)["DBInstance"])
    except PermanentError as e:
        # Our own request, repeated by botocore after its answer was lost, or another attempt's.
        if error_code(e) != "DBInstanceAlreadyExists":
            raise
        return instance_row(client, plan["target"]) or {}


def _must_be_ours(row: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    if not is_restored_as(row, plan["name"]):
        raise PermanentError(
            f"RDS instance {plan['target']} was not made by {plan['name']}: it is left alone; choose another"
        )


def _settings_to_correct(row: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `modify_db_instance` must set so that the instance is as planned."""
    wrong: dict[str, Any] = {
        key: request[key]
        for key in ("PubliclyAccessible", "DeletionProtection", "MultiAZ")
        if bool(row.get(key)) != request[key]
    }
    groups = {one["DBParameterGroupName"] for one in row.get("DBParameterGroups") or []}
    if (wanted := request.get("DBParameterGroupName")) and wanted not in groups:
        wrong["DBParameterGroupName"] = wanted
    members = {one["VpcSecurityGroupId"] for one in row.get("VpcSecurityGroups") or []}
    if set(request.get("VpcSecurityGroupIds") or members) != members:
        wrong["VpcSecurityGroupIds"] = request["VpcSecurityGroupIds"]
    return wrong


def _step(row: Mapping[str, Any], plan: Mapping[str, Any], *, ended: bool) -> dict[str, Any]:
    """Return the step; its start is in a tag, so that an attempt that was killed counts in its time."""
    endpoint = row.get("Endpoint") or {}
    return step(
        plan["kind"],
        tags_of(row).get(BEGUN),
        now() if ended else None,
        plan["data_as_of"],
        target=plan["target"],
        arn=row.get("DBInstanceArn"),
        host=endpoint.get("Address"),
        port=endpoint.get("Port"),
    )
