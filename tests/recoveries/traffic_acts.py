"""One act on traffic that a kill test runs in a child: `python traffic_acts.py URL ZONE NAME PLAN ACT`."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from tests.servers.child import child_client

from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.region import DnsRecord
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.prometheus import Prometheus
from upkeep.recoveries.gate import Gate
from upkeep.recoveries.traffic import TrafficReturn

HELD, SERVICE = "holding.example.net", "nodes.example.net"
BACK = "back"


def traffic(route53: Any, zone: str, name: str) -> TrafficReturn:
    """Return the return of the traffic of a name; no metric is asked."""
    return TrafficReturn(
        client=route53,
        record=DnsRecord(zone, name, "CNAME", (HELD,), (SERVICE,)),
        steps_percent=(10, 50, 100),
        gate=Gate(Prometheus(Endpoint("http://127.0.0.1:9")), {}),
        watch=timedelta(minutes=5),
        settle=timedelta(),
    )


def do(one: TrafficReturn, plan: Plan, act: str) -> None:
    """Take the step of a number, or put the traffic back."""
    if act == BACK:
        one.put_back(plan)
    else:
        one.step(plan, int(act))


if __name__ == "__main__":
    url, zone, name, plan, act = sys.argv[1:]
    do(traffic(child_client("route53", url), zone, name), plan_from(json.loads(plan)), act)
