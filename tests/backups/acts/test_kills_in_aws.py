"""The same for what RDS, Route 53 and S3 hold: snapshots, versions of objects, a second region."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from sqlalchemy import Engine
from tests.backups.acts.killer import Killer, children, killer
from tests.backups.acts.test_kills import recorded, there
from tests.backups.acts.worlds import POLICY, World, policy
from tests.backups.region.acts import PRIMARY, SECONDARY
from tests.backups.region.conftest import cname
from tests.servers.aws import Aws, aws_client, instances
from tests.servers.aws_front import front

from upkeep.backups.region import DnsRecord
from upkeep.backups.region.dns import record_sets, share_of

pytestmark = pytest.mark.integration

__all__ = ["children", "killer"]

_NUMBERS = count(1)


@pytest.fixture
def world(cloud: Aws, ledger: Engine) -> Iterator[World]:
    """An instance with a replica, names that lead to it, and a bucket that keeps versions."""
    with front(cloud.url) as (url, _):
        before, name = Aws(url), f"killed-orders-{next(_NUMBERS)}"
        before.instance(name)
        bucket = f"{name}-media"
        before.bucket(bucket)
        before["s3"].put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        location = {"kind": "rds_snapshot", "connection": "shop_aws", "instance": name}
        of = policy(bucket, {}, "aws:kms") | {
            "location": location, "source": None, "method": "rds_snapshot",
        }  # fmt: skip
        parts = {
            "backups": {POLICY: of},
            "resources": {"buckets": {"media": {"name": bucket, "purpose": "pictures"}}},
            "metrics": {
                "lag": {"title": "Lag", "promql": "lag", "unit": "seconds", "critical": [{"above": "1 h"}]}
            },
            "recovery_targets": {"rto_minutes": 60, "rpo_minutes": 60, "second_region": second(before, name)},
        }
        told = {
            "ledger": ledger.url.render_as_string(hide_password=False), "bucket": bucket, "parts": parts,
            "aws": {"rds": url, "route53": url, "s3": cloud.url}, "instance": name, "metric": 5.0,
        }  # fmt: skip
        yield World(told, cloud["s3"], lambda: instances(before["rds"], name), "", "", "")


def second(cloud: Aws, name: str) -> dict[str, Any]:
    """Make a second region for an instance; return it in the words of the catalog."""
    cloud["rds"].create_db_instance_read_replica(
        DBInstanceIdentifier=f"{name}-west", SourceDBInstanceIdentifier=name, Tags=[]
    )
    zone = cloud["route53"].create_hosted_zone(Name="example.com", CallerReference=name)["HostedZone"]["Id"]
    records = [cname(PRIMARY), cname(PRIMARY, "drill.example.com")]
    changes = [{"Action": "UPSERT", "ResourceRecordSet": one} for one in records]
    cloud["route53"].change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    place = {"zone": zone.rpartition("/")[2], "primary": [PRIMARY], "secondary": [SECONDARY], "type": "CNAME"}
    dns = [place | {"name": "db.example.com"}, place | {"name": "drill.example.com", "drill": True}]
    return {
        "region": "eu-west-1", "source": name, "replica": f"{name}-west", "lag_metric": "lag",
        "most_lag_seconds": 60, "dns": dns,
    }  # fmt: skip


def leads_to(world: World, name: str) -> str:
    """Return where a name leads."""
    route53 = aws_client("route53", world.told["aws"]["route53"])
    zone = world.told["parts"]["recovery_targets"]["second_region"]["dns"][0]["zone"]
    rows = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    [found] = [one for one in rows if one["Name"].rstrip(".") == name]
    return str(found["ResourceRecords"][0]["Value"]).rstrip(".")


def test_a_snapshot_and_what_is_restored_of_it(world: World, killer: Killer) -> None:
    killer.through(world.told, "backup", {"policy": POLICY})
    assert [copy.name for copy in there(world) if copy.facts["kind"] == "manual"] == ["data-one"]
    state, name = world.state(), world.told["instance"]

    killer.through(world.told, "restore_snapshot", {"policy": POLICY, "target": f"{name}-new"}, keep=True)
    assert world.state() == sorted([*state, f"{name}-new"])
    assert recorded(world, "restore_snapshot").cleaned_at

    killer.through(world.told, "drill_snapshot", {"policy": POLICY, "target": f"{name}-drill"})
    assert world.state() == sorted([*state, f"{name}-new"])
    assert recorded(world, "drill_snapshot").verified_at


def test_a_version_of_an_object(world: World, killer: Killer) -> None:
    s3, bucket = world.s3, world.bucket
    old = s3.put_object(Bucket=bucket, Key="a", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"new")
    given = {"bucket": "media"}
    killer.through(world.told, "restore_object_version", given, key="a", version=old, in_place=True)
    assert world.read("a") == b"old"
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 3
    assert recorded(world, "restore_object_version").verified_at


def test_versions_that_expire(world: World, killer: Killer) -> None:
    s3, bucket = world.s3, world.bucket
    for number in range(4):
        s3.put_object(Bucket=bucket, Key="a", Body=b"%d" % number)
    stored = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys.getlist("a")
    for days, one in zip((40, 39.9, 39.8, 2), stored, strict=True):
        one.last_modified = one.last_modified.replace(year=one.last_modified.year - 1 - int(days))
    killer.through(world.told, "expire_object_versions", {"bucket": "media", "keep": {"daily_days": 1}})
    assert world.read("a") == b"3"
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1
    assert killer.kills.keys() == {"plan", "delete"}


SHARES = {"holding": ["holding.example.net"], "service": ["nodes.example.net"]}


@pytest.fixture
def traffic(world: World) -> tuple[World, dict[str, Any], DnsRecord]:
    """A name none of whose traffic leads to the service; how it is returned, and its record."""
    dns = aws_client("route53", world.told["aws"]["route53"])
    zone = world.told["parts"]["recovery_targets"]["second_region"]["dns"][0]["zone"]
    of = {"zone": zone, "name": f"shop{next(_NUMBERS)}.example.com", **SHARES}
    sets = [
        {
            "Name": of["name"], "Type": "CNAME", "TTL": 60, "SetIdentifier": host, "Weight": weight,
            "ResourceRecords": [{"Value": host}],
        }
        for host, weight in ((SHARES["holding"][0], 100), (SHARES["service"][0], 0))
    ]  # fmt: skip
    changes = [{"Action": "UPSERT", "ResourceRecordSet": one} for one in sets]
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    given = {**of, "metrics": ["lag"], "settle_minutes": 0, "watch_minutes": 3}
    record = DnsRecord(zone, of["name"], "CNAME", *(tuple(SHARES[one]) for one in ("holding", "service")))
    return world, given, record


def share(world: World, record: DnsRecord) -> int:
    rows = record_sets(aws_client("route53", world.told["aws"]["route53"]), record)
    assert len(rows) == 2
    return share_of(rows, record.secondary)


def test_traffic_in_steps(traffic: tuple[World, dict[str, Any], DnsRecord], killer: Killer) -> None:
    world, given, record = traffic
    killer.through(world.told, "return_traffic", given, pace_seconds=60)
    assert share(world, record) == 100
    assert recorded(world, "return_traffic").verified_at
    assert {f"{one}_{n}" for n in (1, 2, 3) for one in ("step", "gate")} < killer.kills.keys()


def test_traffic_of_a_run_that_breaks_off(
    traffic: tuple[World, dict[str, Any], DnsRecord], killer: Killer
) -> None:
    world, given, record = traffic
    after = ("gate_2", "step_3", "gate_3", "verify", "measure")
    killer.through(world.told, "return_traffic", given, pace_seconds=60, leave_out=after)
    assert share(world, record) == 0
    assert recorded(world, "return_traffic").verified_at is None


def test_a_region(world: World, killer: Killer) -> None:
    state, name = world.state(), world.told["instance"]
    killer.through(world.told, "drill_region", {})
    assert world.state() == state
    assert leads_to(world, "drill.example.com") == leads_to(world, "db.example.com") == PRIMARY

    killer.through(world.told, "fail_over_region", {}, source_state="gone")
    assert leads_to(world, "db.example.com") == SECONDARY
    rds = aws_client("rds", world.told["aws"]["rds"])
    [row] = rds.describe_db_instances(DBInstanceIdentifier=f"{name}-west")["DBInstances"]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in row
    assert world.state() == state
    assert recorded(world, "fail_over_region").verified_at
