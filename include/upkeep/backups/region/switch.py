"""The acts on DNS: switch, and wait until Route 53's servers know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from upkeep.backups.rds.calls import aws_acts, instant, now, step
from upkeep.backups.region.dns import DnsRecord, record_sets, zone_id
from upkeep.errors import PermanentError


def switch(client: Any, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Make the records as planned and return the step with the change's id, at once.

    `change` is None where they already are so. Raises PermanentError if they are neither as planned nor as
    they were when the plan was made: somebody else changed them; TemporaryError while Route 53 is busy with
    an earlier change of the zone.
    """
    started = now()
    present = _present(client, plan)
    if _same(present, plan["changes"]):
        return _step(plan, instant(started), None)
    if not _same(present, plan["undo"]):
        raise PermanentError(
            f"{plan['type']} {plan['name']} was changed since the plan: nothing was touched, look again"
        )
    changed = [row for row in plan["changes"] if row not in present]
    batch = {
        "Comment": f"upkeep: {plan['does'][0]}"[:256],
        "Changes": [{"Action": "UPSERT", "ResourceRecordSet": row} for row in changed],
    }
    with aws_acts(f"Route 53 {plan['type']} {plan['name']}"):
        answer = client.change_resource_record_sets(HostedZoneId=zone_id(plan["zone"]), ChangeBatch=batch)
        return _step(plan, instant(started), answer["ChangeInfo"]["Id"])


def switch_ready(client: Any, plan: Mapping[str, Any], begun: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the step when all of Route 53's servers have the change, None until then.

    begun: what `switch` returned. Clients follow within `clients_wait_seconds` after that. Raises
    PermanentError if the records are not as planned: somebody changed them meanwhile.
    """
    if begun["change"] is not None:
        with aws_acts(f"Route 53 change {begun['change']}"):
            if client.get_change(Id=begun["change"])["ChangeInfo"]["Status"] != "INSYNC":
                return None
    if not _same(_present(client, plan), plan["changes"]):
        raise PermanentError(f"{plan['type']} {plan['name']} is not as planned: somebody changed it")
    ended = step("dns_switch", begun["started_at"], now())["ended_at"]
    return {**begun, "ended_at": ended}


def _present(client: Any, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    return record_sets(client, DnsRecord(plan["zone"], plan["name"], plan["type"], (), ()))


def _same(rows: Sequence[Mapping[str, Any]], planned: Sequence[Mapping[str, Any]]) -> bool:
    return len(rows) == len(planned) and all(row in planned for row in rows)


def _step(plan: Mapping[str, Any], started: str | None, change: str | None) -> dict[str, Any]:
    return step(
        "dns_switch",
        started,
        None,
        record=plan["name"],
        percent=plan["percent"],
        change=change,
        clients_wait_seconds=plan["clients_wait_seconds"],
    )
