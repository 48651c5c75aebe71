"""Route 53: where a name leads, and the plan that leads it elsewhere.

Only the records of one name and type are changed, and only in what they lead to or in their weights: TTLs and
every other record stay. A change is one batch, which Route 53 makes wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from upkeep.backups.rds.calls import aws_acts, refuse
from upkeep.clients.answers import NotFoundError

ALIAS_TTL_SECONDS = 60
"""What Route 53 answers for an alias to a load balancer; an alias has no TTL of its own."""

PROPAGATION_SECONDS = 60
"""Within which Route 53's servers have a change, as a rule."""


@dataclass(frozen=True)
class DnsRecord:
    """A name that leads to the primary and shall lead to the secondary.

    zone: id of the hosted zone. primary, secondary: what the record leads to: host names or addresses as its
    values, or the one DNS name of an alias. alias_zone: the hosted zone of the secondary's load balancer, for
    an alias that is neither weighted nor of the failover policy, where no record has it.
    """

    zone: str
    name: str
    type: str
    primary: tuple[str, ...]
    secondary: tuple[str, ...]
    alias_zone: str | None = None


def look_at_record(client: Any, record: DnsRecord, percent: int = 100) -> dict[str, Any]:
    """Return the plan that gives the secondary `percent` of the traffic; nothing is touched.

    client: boto3's `route53`. A simple record leads to one or the other. Of weighted ones the two weights
    become shares of 100. Of failover ones the two change what they lead to, health checks with it. The plan's
    `undo` is the state before: keep it. Raises NotFoundError for an unknown zone or record, PermanentError if
    the record leads elsewhere or its routing is another.
    """
    where = f"{record.type} {record.name}"
    if not 0 <= percent <= 100:
        raise ValueError(f"percent of the traffic: {percent}")
    before = record_sets(client, record)
    refuse(where, _problems(before, record, percent))
    routing = _routing(before)
    after = _weighted(before, record, percent) if routing == "weighted" else _led(before, record, percent)
    ttl = max(int(one.get("TTL", ALIAS_TTL_SECONDS)) for one in before)
    return {
        "kind": "dns_switch",
        "zone": record.zone,
        "name": record.name,
        "type": record.type,
        "routing": routing,
        "percent": percent,
        "changes": after,
        "undo": before,
        "ttl_seconds": ttl,
        "clients_wait_seconds": ttl + PROPAGATION_SECONDS,
        "does": [
            f"{where} ({routing}) leads {percent} % to {', '.join(record.secondary)}",
            f"clients follow within {ttl + PROPAGATION_SECONDS} s: {PROPAGATION_SECONDS} s until Route 53's "
            f"servers know it, {ttl} s of TTL; those that ignore TTLs follow when they reconnect",
        ],
        "notes": _notes(routing, percent),
        "seen": {"done": before == after},
    }


def undo(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan that restores the records as they were when `plan` was made."""
    return {
        **plan,
        "percent": None,
        "changes": plan["undo"],
        "undo": plan["changes"],
        "does": [f"{plan['type']} {plan['name']} leads where it led before"],
    }


def record_sets(client: Any, record: DnsRecord) -> list[dict[str, Any]]:
    """Return the record sets of the name and type; NotFoundError if there is no such zone or record."""
    where = f"Route 53 zone {record.zone}"
    zone = zone_id(record.zone)
    with aws_acts(where):
        try:
            pages = client.get_paginator("list_resource_record_sets").paginate(
                HostedZoneId=zone, StartRecordName=record.name, StartRecordType=record.type
            )
            found = []
            for row in (row for page in pages for row in page["ResourceRecordSets"]):
                if _name(row["Name"]) != _name(record.name) or row["Type"] != record.type:
                    break
                found.append(row)
        except client.exceptions.NoSuchHostedZone as e:
            raise NotFoundError(f"{where} is not there; check its id and the connection's account") from e
    if not found:
        raise NotFoundError(f"{where}: it has no record {record.type} {record.name}")
    return found


def leads_to(row: Mapping[str, Any]) -> frozenset[str]:
    """Return what a record set leads to, in lower case and without the dot at the end."""
    alias = row.get("AliasTarget")
    values = [alias["DNSName"]] if alias else [one["Value"] for one in row.get("ResourceRecords") or []]
    return _hosts(values)


def share_of(rows: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> int:
    """Return the percentage of the traffic that the record sets lead to hosts.

    Where all weights are 0 Route 53 takes them as equal.
    """
    weights = [int(row.get("Weight", 1)) for row in rows]
    weights = weights if any(weights) else [1] * len(rows)
    ours = [weight for row, weight in zip(rows, weights, strict=True) if leads_to(row) == _hosts(hosts)]
    return round(100 * sum(ours) / sum(weights))


def zone_id(zone: str) -> str:
    """Return the id of a hosted zone without its path.

    >>> zone_id("/hostedzone/Z1")
    'Z1'
    """
    return zone.rsplit("/", 1)[-1]


def _notes(routing: str, percent: int) -> list[str]:
    if routing != "weighted" or percent not in (0, 100):
        return []
    return [
        "Route 53 answers with a record of weight 0 when every other is unhealthy: what it leads to must be "
        "fenced, not only idle"
    ]


def _hosts(values: Sequence[str]) -> frozenset[str]:
    # Route 53 shows an alias to a load balancer under either name.
    return frozenset(value.lower().rstrip(".").removeprefix("dualstack.") for value in values)


def _name(name: str) -> str:
    return name.lower().rstrip(".").replace("\\052", "*") + "."


def _routing(rows: Sequence[Mapping[str, Any]]) -> str:
    if len(rows) == 1 and "SetIdentifier" not in rows[0]:
        return "simple"
    if all("Weight" in row for row in rows):
        return "weighted"
    return "failover" if all("Failover" in row for row in rows) else "another"


def _problems(rows: Sequence[Mapping[str, Any]], record: DnsRecord, percent: int) -> list[str]:
    routing, hosts = _routing(rows), (_hosts(record.primary), _hosts(record.secondary))
    shown = "; ".join(sorted(", ".join(sorted(leads_to(row))) or "nothing" for row in rows))
    if hosts[0] == hosts[1]:
        return ["primary and secondary are the same"]
    if routing == "another":
        return ["it is neither simple, weighted nor of the failover policy: change it by hand"]
    if routing == "simple":
        return _simple_problems(rows[0], record, percent, shown)
    found = [leads_to(row) for row in rows]
    if any(found.count(one) != 1 for one in hosts):
        return [f"it leads to {shown}, not once to the primary and once to the secondary"]
    if routing == "failover":
        return [] if percent in (0, 100) else [f"a failover record cannot lead {percent} % to the secondary"]
    others = [row["SetIdentifier"] for row in rows if leads_to(row) not in hosts and row["Weight"] > 0]
    return [f"{', '.join(others)} takes a share too: {percent} % would not be so"] if others else []


def _simple_problems(row: Mapping[str, Any], record: DnsRecord, percent: int, shown: str) -> list[str]:
    if percent not in (0, 100):
        return [f"a simple record cannot lead {percent} % to the secondary: make it weighted"]
    if leads_to(row) not in (_hosts(record.primary), _hosts(record.secondary)):
        return [f"it leads to {shown}, which is neither the primary nor the secondary"]
    wanted = record.secondary if percent else record.primary
    if "AliasTarget" in row and leads_to(row) != _hosts(wanted) and not record.alias_zone:
        return [f"it is an alias: name the hosted zone of {', '.join(wanted)}"]
    return []


def _weighted(rows: Sequence[dict[str, Any]], record: DnsRecord, percent: int) -> list[dict[str, Any]]:
    weights = {_hosts(record.primary): 100 - percent, _hosts(record.secondary): percent}
    return [{**deepcopy(row), "Weight": weights.get(leads_to(row), row["Weight"])} for row in rows]


def _led(rows: Sequence[dict[str, Any]], record: DnsRecord, percent: int) -> list[dict[str, Any]]:
    """Return the rows of a simple or a failover record, leading to the secondary first (or the primary)."""
    first, then = _hosts(record.primary), _hosts(record.secondary)
    if percent:
        first, then = then, first
    if len(rows) == 1:
        wanted = record.secondary if percent else record.primary
        return [deepcopy(rows[0]) if leads_to(rows[0]) == first else _simple(rows[0], wanted, record)]
    by_host = {leads_to(row): row for row in rows}
    return [_with_target(row, by_host[first if row["Failover"] == "PRIMARY" else then]) for row in rows]


def _simple(row: Mapping[str, Any], wanted: Sequence[str], record: DnsRecord) -> dict[str, Any]:
    changed: dict[str, Any] = deepcopy(dict(row))
    if "AliasTarget" in row:
        changed["AliasTarget"] |= {"HostedZoneId": record.alias_zone, "DNSName": wanted[0]}
    else:
        changed["ResourceRecords"] = [{"Value": value} for value in wanted]
    return changed


def _with_target(row: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a failover record with what the other leads to; who is asked first stays with the record."""
    own = {key: row[key] for key in ("Name", "Type", "SetIdentifier", "Failover")}
    led = ("TTL", "ResourceRecords", "AliasTarget", "HealthCheckId")
    return {**own, **{key: deepcopy(other[key]) for key in led if key in other}}
