"""A process killed while it switches a name."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from tests.backups.region.acts import PRIMARY, SECONDARY, move
from tests.backups.region.conftest import cname
from tests.servers.killing import killed_at_call

from upkeep.backups.region import DnsRecord
from upkeep.backups.region.dns import leads_to, record_sets

pytestmark = pytest.mark.integration
ACTS = Path(__file__).with_name("acts.py")


def test_a_switch_killed_at_each_call_is_finished_by_the_next(cloud, dns, put, before, zone):
    for number in count(1):
        name = f"n{number}.example.com"
        put(cname(PRIMARY, name))
        killed = killed_at_call(before, number, ACTS, cloud.url, zone, name)
        assert move(dns, zone, name)["ended_at"]
        [row] = record_sets(dns, DnsRecord(zone, name, "CNAME", (), ()))
        assert leads_to(row) == {SECONDARY}
        if not killed:
            break
    assert number > 3
