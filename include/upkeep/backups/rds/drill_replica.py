"""A read replica that a drill makes for itself, beside the one that stands by, to promote and to delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upkeep.backups.provider import Provider
from upkeep.backups.rds.calls import NAME, aws_acts, error_code, refuse, tag_list, tag_value, tags_of
from upkeep.backups.rds.names import instance_id
from upkeep.backups.rds.rows import instance_row, settings_of
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError

DRILL = "upkeep:drill"
"""The tag that marks what a drill may delete; a promotion changes others, never this one."""


def look_at_drill_replica(client: Any, standby: str, name: str) -> dict[str, Any]:
    """Return the request that makes a drill's replica like the standby; nothing is touched.

    client: boto3's `rds` of the second region. name: the drill's own, deterministic; the identifier follows
    from it. Raises PermanentError if the standby replicates nothing, or the identifier is taken.
    """
    row = instance_row(client, standby)
    if row is None:
        raise NotFoundError(f"RDS instance {standby} is not there: nothing to rehearse with")
    identifier = instance_id(f"{standby[:20].rstrip('-')}-drill", name)
    source = row.get("ReadReplicaSourceDBInstanceIdentifier")
    present = instance_row(client, identifier)
    problems = [] if source else [f"{standby} replicates nothing"]
    if present is not None and not _carries(present, tag_value(name)):
        problems.append(f"{identifier} is there and was not made by this drill")
    refuse(f"drill beside {standby}", problems)
    return _request(row, str(source), identifier, name)


def make_drill_replica(client: Any, request: Mapping[str, Any]) -> None:
    """Begin to make it; a repeat finds what was begun, or promoted since."""
    identifier = request["DBInstanceIdentifier"]
    if _present(client, request) is not None:
        return
    try:
        with aws_acts(f"drill's replica {identifier}"):
            client.create_db_instance_read_replica(**request)
    except PermanentError as e:
        # Our own request, repeated by botocore after its answer was lost.
        if error_code(e) != "DBInstanceAlreadyExists":
            raise
        _present(client, request)


def drill_replica_ready(client: Any, request: Mapping[str, Any]) -> bool:
    """Return whether it can be promoted. Raises PermanentError if RDS gave up, or it is not there."""
    row = _present(client, request)
    if row is None:
        raise NotFoundError(f"RDS instance {request['DBInstanceIdentifier']} is not there")
    status = str(row.get("DBInstanceStatus"))
    if status in ("failed", "deleting", "incompatible-network", "storage-full"):
        raise PermanentError(f"RDS instance {request['DBInstanceIdentifier']}: {status}; clear the run")
    return status == "available"


def delete_drill_replica(client: Any, request: Mapping[str, Any], provider: Provider) -> bool:
    """Begin to delete it, promoted or not, without a final snapshot; return whether there was anything.

    provider: deletes it, in the client's region. Raises PermanentError, and touches nothing, if the instance
    does not carry this drill's mark.
    """
    row = _present(client, request)
    if row is None or row.get("DBInstanceStatus") == "deleting":
        return False
    identifier = request["DBInstanceIdentifier"]
    try:
        with aws_acts(f"RDS instance {identifier}"):
            provider.delete_instance(identifier, client.meta.region_name)
    except NotFoundError:
        return False
    return True


def _request(row: Mapping[str, Any], source: str, identifier: str, name: str) -> dict[str, Any]:
    like = settings_of(row)
    # An ARN: the source is in another region, whose key this region does not know.
    abroad = source.startswith("arn:")
    wanted = {
        "DBInstanceIdentifier": identifier,
        "SourceDBInstanceIdentifier": source,
        "SourceRegion": source.split(":")[3] if abroad else None,
        "KmsKeyId": row.get("KmsKeyId") if abroad else None,
        "DBInstanceClass": like["instance_class"],
        "DBSubnetGroupName": like["subnet_group"] if abroad else None,
        "VpcSecurityGroupIds": like["security_groups"],
        "PubliclyAccessible": False,
        "DeletionProtection": False,
        "Tags": tag_list({DRILL: name, NAME: name}),
    }
    return {key: value for key, value in wanted.items() if value not in (None, [])}


def _present(client: Any, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the drill's instance if it is there. Raises PermanentError for a foreign one of its name."""
    identifier = request["DBInstanceIdentifier"]
    row = instance_row(client, identifier)
    mark = next(one["Value"] for one in request["Tags"] if one["Key"] == DRILL)
    if row is not None and not _carries(row, mark):
        raise PermanentError(f"RDS instance {identifier} was not made by this drill: it is left alone")
    return row


def _carries(row: Mapping[str, Any], mark: str) -> bool:
    return tags_of(row).get(DRILL) == mark
