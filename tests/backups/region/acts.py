"""The switch that a kill test runs in a child: `python acts.py URL ZONE NAME`."""

from __future__ import annotations

import sys
import time
from typing import Any

from tests.servers.child import child_client

from upkeep.backups.region import DnsRecord, look_at_record, switch, switch_ready

PRIMARY, SECONDARY = "db.eu-central-1.example.net", "db.eu-west-1.example.net"


def move(route53: Any, zone: str, name: str) -> dict[str, Any]:
    """Lead a name to the secondary, and wait."""
    plan = look_at_record(route53, DnsRecord(zone, name, "CNAME", (PRIMARY,), (SECONDARY,)))
    begun = switch(route53, plan)
    until = time.monotonic() + 20
    while (done := switch_ready(route53, plan, begun)) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return done


if __name__ == "__main__":
    url, *rest = sys.argv[1:]
    move(child_client("route53", url), *rest)
