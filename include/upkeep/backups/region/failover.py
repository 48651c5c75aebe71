"""The failover of a region: replica promoted, then names switched, then verified.

`look_at_failover` asks everything before anything is touched. The steps are `upkeep.backups.rds.promote` and
`promotion_ready` with the plan's `promotion`, `switch` and `switch_ready` with each of its `dns`, and
`verify_failover`: each a task of its own that can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from upkeep.backups.rds.calls import instant, now, refuse, step
from upkeep.backups.rds.replica import Lag, Promotion, look_at_promotion, promotion_ready
from upkeep.backups.region.dns import DnsRecord, leads_to, look_at_record, record_sets
from upkeep.clients.aws.s3 import s3_objects
from upkeep.errors import PermanentError


@dataclass(frozen=True)
class RemoteBackups:
    """Backups that must be in the second region before one relies on it. oldest: the age allowed."""

    bucket: str
    prefix: str
    oldest: timedelta


@dataclass(frozen=True)
class Clients:
    """boto3's clients: `rds` and `s3` of the second region, `route53`."""

    rds: Any
    s3: Any
    route53: Any


def look_at_failover(
    clients: Clients,
    promotion: Promotion,
    records: Sequence[DnsRecord],
    backups: Sequence[RemoteBackups],
    lag: Lag,
) -> dict[str, Any]:
    """Return the plan of a whole failover; nothing is touched.

    Raises PermanentError that names every refusal of every part, TemporaryError if a part could not be asked.
    """
    problems: list[str] = []
    plans: list[dict[str, Any]] = []
    looks: list[Callable[[], dict[str, Any]]] = [
        partial(look_at_promotion, clients.rds, promotion, lag),
        *(partial(look_at_record, clients.route53, one) for one in records),
        *(partial(remote_backups, clients.s3, one, now()) for one in backups),
    ]
    for look in looks:
        try:
            plans.append(look())
        except PermanentError as e:
            problems.append(str(e))
    refuse(f"failover of {promotion.source} to {promotion.replica}", problems)
    dns = plans[1 : 1 + len(records)]
    return {
        "kind": "region_failover",
        "promotion": plans[0],
        "dns": dns,
        "steps": [
            f"promote {promotion.replica}",
            *(f"switch {one['type']} {one['name']}" for one in dns),
            "verify",
        ],
        "clients_wait_seconds": max((one["clients_wait_seconds"] for one in dns), default=0),
        "fail_back": fail_back(promotion, records),
        "seen": {"remote_backups": plans[1 + len(records) :]},
    }


def remote_backups(s3: Any, wanted: RemoteBackups, at: datetime) -> dict[str, Any]:
    """Return the newest backup that lies in the second region: key, age and how many there are.

    Raises PermanentError if there is none, or the newest is too old or empty; NotFoundError for no bucket.
    """
    where = f"s3://{wanted.bucket}/{wanted.prefix}"
    newest, count = None, 0
    for one in s3_objects(s3, wanted.bucket, wanted.prefix):
        count += 1
        if newest is None or one.modified_at > newest.modified_at:
            newest = one
    if newest is None:
        raise PermanentError(f"{where}: no backup is in the second region")
    age = at - newest.modified_at
    if age > wanted.oldest:
        raise PermanentError(
            f"{where}: the newest backup, {newest.key}, is {age} old, {wanted.oldest} is allowed"
        )
    if newest.size_bytes == 0:
        raise PermanentError(f"{where}: the newest backup, {newest.key}, is empty")
    return {"where": where, "newest": newest.key, "as_of": instant(newest.modified_at), "objects": count}


def verify_failover(clients: Clients, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step whose `problems` say what is not as planned; none means that the failover is done.

    Whether the end point answers, and its data is right, is for the checks of databases.
    """
    started, problems = now(), []
    promoted = None
    try:
        promoted = promotion_ready(clients.rds, plan["promotion"])
        if promoted is None:
            problems.append(f"{plan['promotion']['target']} is not promoted and available")
    except PermanentError as e:
        problems.append(str(e))
    for one in plan["dns"]:
        problems += _dns_problems(clients.route53, one)
    facts = {key: (promoted or {}).get(key) for key in ("host", "port")}
    return step(
        "verify_failover",
        started,
        now(),
        (promoted or {}).get("data_as_of"),
        problems=problems,
        **facts,
    )


def fail_back(promotion: Promotion, records: Sequence[DnsRecord]) -> list[str]:
    """Return how to go back, in steps: never by starting the old primary again."""
    old, new = promotion.source, promotion.replica
    names = ", ".join(one.name for one in records) or "no names"
    return [
        f"keep {old} fenced: what was written to {new} since is not in it",
        f"save from {old} what was written after the replica's last transaction, then delete or rename it",
        f"make a read replica of {new} in the first region and wait until it keeps up",
        f"in a maintenance window: fence {new}, wait for a lag of 0, promote that replica",
        f"switch {names} back by the undo plans, in steps where the records are weighted",
        f"make a new read replica in the second region, and delete {new}",
    ]


def _dns_problems(route53: Any, plan: Mapping[str, Any]) -> list[str]:
    record = DnsRecord(plan["zone"], plan["name"], plan["type"], (), ())
    try:
        present = record_sets(route53, record)
    except PermanentError as e:
        return [str(e)]
    if all(row in plan["changes"] for row in present) and len(present) == len(plan["changes"]):
        return []
    shown = "; ".join(sorted(", ".join(sorted(leads_to(row))) for row in present))
    return [f"{plan['type']} {plan['name']} leads to {shown}, not as planned"]
