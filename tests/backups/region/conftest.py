"""Two regions' worth of AWS by moto: a hosted zone, a replica, a bucket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.servers.aws import Aws, aws
from tests.servers.aws_front import Front, front

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Aws, Front]]:
    """The cloud as the tests' subject sees it, and what is before it."""
    with aws() as moto, front(moto.url) as (url, before):
        yield Aws(url), before


@pytest.fixture
def before(servers: tuple[Aws, Front]) -> Front:
    servers[1].forget()
    return servers[1]


@pytest.fixture
def cloud(servers: tuple[Aws, Front], before: Front) -> Aws:
    return servers[0]


@pytest.fixture
def dns(cloud: Aws) -> Any:
    return cloud["route53"]


@pytest.fixture
def zone(dns: Any) -> str:
    """A hosted zone of its own for a test."""
    made = dns.create_hosted_zone(Name="example.com", CallerReference=f"{next(_NUMBERS)}")
    return str(made["HostedZone"]["Id"])


@pytest.fixture
def put(dns: Any, zone: str) -> Callable[..., None]:
    """Write record sets."""

    def write(*rows: dict[str, Any]) -> None:
        changes = [{"Action": "UPSERT", "ResourceRecordSet": row} for row in rows]
        dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    return write


def cname(value: str, name: str = "db.example.com", **more: Any) -> dict[str, Any]:
    """Return a record set of type CNAME."""
    return {"Name": name, "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": value}], **more}
