"""Promotion of a read replica: pre-flight, the act, and the wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from upkeep.backups.rds.calls import (
    BEGUN,
    DATA_AS_OF,
    KIND,
    NAME,
    SOURCE,
    aws_acts,
    instant,
    now,
    refuse,
    step,
    tag_list,
    tag_value,
    tags_of,
)
from upkeep.backups.rds.rows import instance_row
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError, TemporaryError

_PROMOTED = "promotion"

Lag = float | Callable[[], float | None] | None
"""How far a replica is behind, in seconds, or what tells it; None where nobody can tell."""


_BACKUP_DAYS = 7
"""For which RDS keeps its own backups of the promoted instance; of a replica it keeps none by itself."""


@dataclass(frozen=True)
class Promotion:
    """A replica that is to take over.

    name: the promotion's own, deterministic. source: identifier or ARN of the instance it replicates.
    source_state: what the caller knows and has seen to: `gone`, `fenced` (nobody can write to it), or
    `writable`, which only a drill may have. most_lag_seconds: the most data that may be lost (the RPO).
    """

    name: str
    replica: str
    source: str
    source_state: Literal["gone", "fenced", "writable"]
    most_lag_seconds: float
    drill: bool = False


def look_at_promotion(client: Any, promotion: Promotion, lag: Lag) -> dict[str, Any]:
    """Return the plan of a promotion; nothing is touched. client: boto3's `rds` of the replica's region.

    Raises PermanentError if the replica is none of that source, is not available, is too far behind or nobody
    can tell how far, or the source could still be written to.
    """
    name = promotion.replica
    row = _row(client, name)
    done = _was_promoted(row, promotion.source)
    seconds = None if done else _measured(lag)
    problems = [] if done else [*_replica_problems(row, promotion), *_lag_problems(seconds, promotion)]
    if promotion.source_state == "writable" and not promotion.drill:
        problems.append(f"{promotion.source} can still be written to (split brain): fence it first")
    refuse(f"promotion of {name}", problems)
    return {
        "kind": "replica_promotion",
        "target": name,
        "name": promotion.name,
        "source": promotion.source,
        "source_state": promotion.source_state,
        "drill": promotion.drill,
        "most_lag_seconds": promotion.most_lag_seconds,
        "request": {"DBInstanceIdentifier": name, "BackupRetentionPeriod": _BACKUP_DAYS},
        "does": [
            f"{name} stops replicating {promotion.source} for good, restarts, and takes writes",
            f"up to {promotion.most_lag_seconds:g} s of writes are lost",
            "there is no way back: a new replica must be made",
        ],
        "risks": [
            f"split brain: what still writes to {promotion.source} (said to be {promotion.source_state}) is "
            f"not in {name}, and the two can never be merged"
        ],
        "seen": {"promoted": done, "lag_seconds": seconds},
    }


def promote(client: Any, plan: Mapping[str, Any], lag: Lag) -> dict[str, Any]:
    """Begin the promotion and return its step, at once; a repeat finds it begun or done.

    Tags the replica first with its source and the age of its data: RDS forgets the source once it is done.
    Raises PermanentError if it is too far behind by now, TemporaryError while RDS is busy with it.
    """
    name = plan["target"]
    row = _row(client, name)
    if not _was_promoted(row, plan["source"]):
        if not _replicates(row, plan["source"]):
            raise PermanentError(f"RDS instance {name} is no replica of {plan['source']}: it is left alone")
        if row.get("DBInstanceStatus") == "modifying" and _is_begun(row, plan["source"]):
            return _step(row, plan, ended=False)
        seconds = _measured(lag)
        if seconds is None or seconds > plan["most_lag_seconds"]:
            behind = "an unknown time" if seconds is None else f"{seconds:g} s"
            raise PermanentError(f"{name} is {behind} behind, {plan['most_lag_seconds']:g} s are allowed")
        row["TagList"] = _tag(client, row, plan, seconds)
        with aws_acts(f"promotion of {name}"):
            client.promote_read_replica(**plan["request"])
    return _step(row, plan, ended=False)


def promotion_ready(client: Any, plan: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the step with the end point when the instance is on its own, None while RDS promotes it."""
    row = _row(client, plan["target"])
    if _replicates(row, plan["source"]) or row.get("DBInstanceStatus") != "available":
        return None
    if not _was_promoted(row, plan["source"]):
        raise PermanentError(f"RDS instance {plan['target']} was not promoted from {plan['source']} by us")
    return _step(row, plan, ended=True)


def _row(client: Any, name: str) -> dict[str, Any]:
    row = instance_row(client, name)
    if row is None:
        raise NotFoundError(f"RDS instance {name} is not there: nothing to promote")
    return row


def _replicates(row: Mapping[str, Any], source: str) -> bool:
    """Return whether it is a replica of the source, which is an ARN where it is in another region."""
    of = str(row.get("ReadReplicaSourceDBInstanceIdentifier") or "").lower()
    return bool(of) and of.rsplit(":", 1)[-1] == source.lower().rsplit(":", 1)[-1]


def _is_begun(row: Mapping[str, Any], source: str) -> bool:
    tags = tags_of(row)
    return tags.get(KIND) == _PROMOTED and tags.get(SOURCE) == source


def _was_promoted(row: Mapping[str, Any], source: str) -> bool:
    return not row.get("ReadReplicaSourceDBInstanceIdentifier") and _is_begun(row, source)


def _measured(lag: Lag) -> float | None:
    return lag() if callable(lag) else lag


def _replica_problems(row: Mapping[str, Any], promotion: Promotion) -> list[str]:
    name, status = promotion.replica, row.get("DBInstanceStatus")
    if not _replicates(row, promotion.source):
        of = row.get("ReadReplicaSourceDBInstanceIdentifier") or "nothing"
        return [f"{name} is a replica of {of}, not of {promotion.source}"]
    # RDS refuses a promotion in the state `backing-up`, and in most others.
    if status != "available" and not _is_begun(row, promotion.source):
        return [f"{name} is {status}, not available"]
    return []


def _lag_problems(seconds: float | None, promotion: Promotion) -> list[str]:
    if seconds is None:
        return [f"nobody can tell how far {promotion.replica} is behind"]
    if seconds > promotion.most_lag_seconds:
        return [f"{promotion.replica} is {seconds:g} s behind, {promotion.most_lag_seconds:g} s are allowed"]
    return []


def _tag(
    client: Any, row: Mapping[str, Any], plan: Mapping[str, Any], seconds: float
) -> list[dict[str, str]]:
    """Note how old the data is, and when the promotion began: at the first attempt of this name."""
    if not row.get("DBInstanceArn"):
        raise TemporaryError(f"RDS instance {plan['target']} has no ARN yet; try again")
    at, earlier = now(), tags_of(row)
    again = earlier.get(NAME) == tag_value(plan["name"])
    tags = {
        KIND: _PROMOTED,
        SOURCE: plan["source"],
        NAME: plan["name"],
        BEGUN: earlier.get(BEGUN) if again else instant(at),
        DATA_AS_OF: instant(at - timedelta(seconds=seconds)),
    }
    with aws_acts(f"tags of {plan['target']}"):
        client.add_tags_to_resource(ResourceName=row["DBInstanceArn"], Tags=tag_list(tags))
    return tag_list(tags)


def _step(row: Mapping[str, Any], plan: Mapping[str, Any], *, ended: bool) -> dict[str, Any]:
    tags, endpoint = tags_of(row), row.get("Endpoint") or {}
    return step(
        "replica_promotion",
        tags.get(BEGUN),
        now() if ended else None,
        tags.get(DATA_AS_OF),
        target=plan["target"],
        arn=row.get("DBInstanceArn"),
        host=endpoint.get("Address"),
        port=endpoint.get("Port"),
    )
