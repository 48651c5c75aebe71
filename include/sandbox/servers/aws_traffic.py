"""Lessay's name in moto: a weighted record that leads to its nodes, or to a page that asks for patience."""

from __future__ import annotations

from moto.backends import get_backend

from sandbox.seeds.aws_names import ACCOUNT
from sandbox.servers.aws_region import own_zone

ZONE = "Z0LESSAYEXAMPLE"
NAME = "api.lessay.example"
LEADS = {"holding": ("holding.lessay.example", 0), "nodes": ("nodes.lessay.example", 100)}
"""Identifier of each record → where it leads, and its weight."""


def plant_traffic() -> None:
    """Make the zone and its records; all traffic goes to the nodes."""
    zone = own_zone(get_backend("route53")[ACCOUNT]["aws"], "lessay.example", ZONE)
    for identifier, (value, weight) in LEADS.items():
        zone.add_rrset(
            {
                "Name": f"{NAME}.",
                "Type": "CNAME",
                "TTL": 60,
                "SetIdentifier": identifier,
                "Weight": weight,
                "ResourceRecords": [value],
            }
        )
