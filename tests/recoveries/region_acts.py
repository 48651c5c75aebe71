"""The failover that a kill test runs in a child: `python region_acts.py URL ZONE INSTANCE PLAN`."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from tests.servers.child import child_client

from upkeep.acts.plans import plan_from
from upkeep.backups.rds import Promotion
from upkeep.backups.region import Clients, DnsRecord, RemoteBackups
from upkeep.recoveries.region import RegionFailover

EAST, WEST = "tapio.us-east-1.example.net", "tapio.us-west-2.example.net"
BUCKET = "west-backups"


def failover(clients: Clients, zone: str, instance: str, **more: Any) -> RegionFailover:
    """Return the failover of an instance and of the name that is called like it."""
    values = {
        "clients": clients,
        "promotion": Promotion("run-1", f"{instance}-west", instance, "gone", most_lag_seconds=600),
        "records": [DnsRecord(zone, f"{instance}.example.com", "CNAME", (EAST,), (WEST,))],
        "backups": [RemoteBackups(BUCKET, "data-", timedelta(hours=2))],
        "lag": 20,
    }
    return RegionFailover(**values | more)


if __name__ == "__main__":
    url, zone, instance, plan = sys.argv[1:]
    clients = Clients(*(child_client(service, url) for service in ("rds", "s3", "route53")))
    failover(clients, zone, instance).restore(plan_from(json.loads(plan)))
