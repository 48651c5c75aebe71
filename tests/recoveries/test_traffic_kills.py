"""A process killed while it takes a step of traffic, or puts it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.recoveries.traffic_acts import BACK, HELD, SERVICE, do, traffic
from tests.servers.aws import Aws, aws
from tests.servers.aws_front import Front, front
from tests.servers.killing import killed_at_call

from upkeep.acts.plans import plan_from
from upkeep.backups.region.dns import record_sets, share_of

pytestmark = pytest.mark.integration
ACTS = Path(__file__).with_name("traffic_acts.py")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Aws, Front]]:
    with aws() as moto, front(moto.url) as (url, before):
        yield Aws(url), before


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [("0", [], 10), ("1", ["0"], 50), ("2", ["0", "1"], 100), (BACK, ["0", "1"], 0)],
)
def test_an_act_killed_at_each_call_is_finished_by_the_next(
    servers: tuple[Aws, Front], act: str, before: list[str], after: int
) -> None:
    cloud, calls = servers
    dns = cloud["route53"]
    zone = dns.create_hosted_zone(Name="example.com", CallerReference=f"kills-{act}")["HostedZone"]["Id"]
    for number in count(1):
        name = f"n{number}.example.com"
        lead(dns, zone, name)
        one = traffic(dns, zone, name)
        plan = plan_from(json.loads(json.dumps(one.plan().carried())))
        for step in before:
            do(one, plan, step)
        words = (cloud.url, zone, name, json.dumps(plan.carried()), act)
        killed = killed_at_call(calls, number, ACTS, *words)
        do(one, plan, act)
        assert share_of(record_sets(dns, one.record), [SERVICE]) == after
        if not killed:
            break
    assert number > 2


def lead(dns: object, zone: str, name: str) -> None:
    """Make the name, with all traffic held."""
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": name, "Type": "CNAME", "TTL": 60, "SetIdentifier": identifier, "Weight": weight,
                "ResourceRecords": [{"Value": value}],
            },
        }
        for identifier, value, weight in (("held", HELD, 1), ("service", SERVICE, 0))
    ]  # fmt: skip
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})  # type: ignore[attr-defined]
