"""Where a database is restored to, and the pre-flight that every restore shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from upkeep.backups.rds.calls import KIND, NAME, aws_acts, tag_value, tags_of
from upkeep.backups.rds.names import LONGEST_INSTANCE, is_valid
from upkeep.backups.rds.rows import instance_row, settings_of
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError

RESTORED = "restore"
"""The kind of an instance that a restore of ours made."""


@dataclass(frozen=True)
class Target:
    """A new instance, beside the source.

    identifier: of the new instance. name: the restore's own, deterministic; an instance with this identifier
    and this name in its tags is what an earlier attempt made. source: the instance that is restored.
    forbidden: identifiers that no restore may take, such as those of production. drill: whether it is thrown
    away later: then it has one zone and no deletion protection. settings: as `settings_of` gives them, for
    the day when the source is gone.
    """

    identifier: str
    name: str
    source: str
    forbidden: tuple[str, ...] = ()
    drill: bool = True
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Look:
    """What the pre-flight of a target saw.

    request: the parameters of the restore that concern the target. problems: why it is refused. notes: what
    could not be seen. seen: what moves and is no part of the plan, such as the quota's use.
    """

    request: dict[str, Any]
    problems: list[str]
    notes: list[str]
    seen: dict[str, Any]


def look_at_target(client: Any, target: Target) -> Look:
    """Look whether there is room for a new instance, and with which settings it is made; read only."""
    row = instance_row(client, target.source)
    found = settings_of(row) if row else target.settings
    taken, seen = _identifier_problems(client, target)
    if found is None:
        gone = f"{target.source} is gone and its settings are not given; they are among a backup's facts"
        return Look({}, [*taken, gone], [], seen)
    quota: list[str] = []
    notes: list[str] = []
    if seen["target"] == "free":
        quota, notes, seen["quota"] = _quota_problems(client, int(found.get("allocated_gib") or 0))
    problems = [*taken, *quota, *_missing_groups(client, found)]
    return Look(_request(target, found), problems, notes, seen)


def is_restored_as(row: Mapping[str, Any], name: str) -> bool:
    """Return whether an instance was made by the restore of this name."""
    tags = tags_of(row)
    return tags.get(KIND) == RESTORED and tags.get(NAME) == tag_value(name)


def _request(target: Target, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target's parameters. Without them RDS takes the default security and parameter groups."""
    wanted = {
        "DBInstanceClass": found["instance_class"],
        "DBSubnetGroupName": found.get("subnet_group"),
        "VpcSecurityGroupIds": list(found.get("security_groups") or []),
        "DBParameterGroupName": found.get("parameter_group"),
        "MultiAZ": bool(found.get("multi_az")) and not target.drill,
        "PubliclyAccessible": False,
        "DeletionProtection": not target.drill,
    }
    return {key: value for key, value in wanted.items() if value not in (None, [])}


def _identifier_problems(client: Any, target: Target) -> tuple[list[str], dict[str, Any]]:
    """Return what is wrong with the identifier, and whether it is free, ours or foreign."""
    wanted = target.identifier
    if not is_valid(wanted, LONGEST_INSTANCE):
        said = f"{wanted!r} is no identifier: up to 63 letters, digits and single hyphens, a letter first"
        return [said], {"target": "invalid"}
    if wanted.lower() in {one.lower() for one in (target.source, *target.forbidden)}:
        return [f"{wanted} is the identifier of production: choose another"], {"target": "production"}
    row = instance_row(client, wanted)
    if row is None:
        return [], {"target": "free"}
    if is_restored_as(row, target.name):
        deleting = [f"{wanted} of an earlier attempt is being deleted: wait until it is gone"]
        return deleting if row.get("DBInstanceStatus") == "deleting" else [], {"target": "ours"}
    return [f"{wanted} is there and was not made by {target.name}: choose another"], {"target": "foreign"}


def _quota_problems(client: Any, gib: int) -> tuple[list[str], list[str], dict[str, Any]]:
    """Return what is exceeded by one more instance, notes, and the quotas.

    A pre-flight that may not read quotas does not stop a recovery: RDS refuses in the end.
    """
    try:
        with aws_acts("RDS account quotas"):
            rows = client.describe_account_attributes()["AccountQuotas"]
    except PermanentError:
        return [], ["RDS did not show its quotas: whether one more instance fits is known when it begins"], {}
    quotas = {row["AccountQuotaName"]: (int(row["Used"]), int(row["Max"])) for row in rows}
    problems = []
    for name, more, unit in (("DBInstances", 1, "instances"), ("AllocatedStorage", gib, "GiB of storage")):
        used, most = quotas.get(name, (0, more))
        if used + more > most:
            problems.append(f"the quota {name} is {most} {unit}, {used} are used and {more} more are needed")
    seen = {name: {"used": used, "most": most} for name, (used, most) in quotas.items()}
    return problems, [], {name: seen[name] for name in ("DBInstances", "AllocatedStorage") if name in seen}


def _missing_groups(client: Any, found: Mapping[str, Any]) -> list[str]:
    problems = []
    subnet, parameter = found.get("subnet_group"), found.get("parameter_group")
    if subnet and not _there(client.describe_db_subnet_groups, "DBSubnetGroup", subnet):
        problems.append(f"the subnet group {subnet} of the source is not there")
    if parameter and not _there(client.describe_db_parameter_groups, "DBParameterGroup", parameter):
        problems.append(f"the parameter group {parameter} of the source is not there")
    return problems


def _there(describe: Any, what: str, name: str) -> bool:
    try:
        with aws_acts(f"RDS {what} {name}"):
            return bool(describe(**{f"{what}Name": name})[f"{what}s"])
    except NotFoundError:
        return False
