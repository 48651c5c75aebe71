"""RDS by moto, behind a server that answers what moto cannot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.servers.aws import REGION, Aws, aws
from tests.servers.aws_front import Front, front
from tests.servers.rds_stages import whole_provider

from upkeep.backups.rds import Promise, RdsSnapshots, Target, look_at_snapshot

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
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
def rds(cloud: Aws) -> Any:
    return cloud["rds"]


@pytest.fixture
def source(cloud: Aws, before: Front) -> str:
    """An encrypted instance of its own for a test, with a resource id as AWS gives."""
    name = f"shop-{next(_NUMBERS)}"
    cloud.instance(name)
    # moto gives all instances the same resource id.
    moto_instance(name).dbi_resource_id = f"db-{name.upper()}"
    for one in cloud["rds"].describe_db_snapshots(DBInstanceIdentifier=name)["DBSnapshots"]:
        moto_snapshot(one["DBSnapshotIdentifier"]).dbi_resource_id = f"db-{name.upper()}"
    before.calls.clear()
    return name


def moto_instance(name: str) -> Any:
    """Return moto's own instance, for a test to change."""
    return get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].databases[name]


def moto_snapshot(name: str) -> Any:
    """Return moto's own snapshot, for a test to change."""
    return get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].database_snapshots[name]


@pytest.fixture
def instance_in_moto() -> Callable[[str], Any]:
    return moto_instance


@pytest.fixture
def snapshot_in_moto() -> Callable[[str], Any]:
    return moto_snapshot


@pytest.fixture
def promise(source):
    return Promise(source, f"{source}-daily")


@pytest.fixture
def snapshot(rds, promise):
    return RdsSnapshots(rds, promise, provider=whole_provider(rds)).make("20261121T020000Z")


@pytest.fixture
def target(source):
    return Target(f"{source}-drill", f"drill-of-{source}", source, forbidden=("other-production",))


@pytest.fixture
def grouped(cloud, rds, before, source, instance_in_moto):
    """The source with a subnet group, a security group and a parameter group of its own."""
    subnets = [one["SubnetId"] for one in cloud["ec2"].describe_subnets()["Subnets"]]
    rds.create_db_subnet_group(
        DBSubnetGroupName=f"{source}-net", DBSubnetGroupDescription="net", SubnetIds=subnets
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=f"{source}-parameters", DBParameterGroupFamily="mysql5.6", Description="own"
    )
    stored = instance_in_moto(source)
    stored.db_subnet_group_name = f"{source}-net"
    stored.vpc_security_group_ids = ["sg-own"]
    rds.modify_db_instance(DBInstanceIdentifier=source, DBParameterGroupName=f"{source}-parameters")
    before.calls.clear()
    return source


def look(rds, snapshot, target, promise, **more):
    return look_at_snapshot(rds, snapshot.reference, target, promise, **more)
