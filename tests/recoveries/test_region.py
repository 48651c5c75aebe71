"""The failover of a region on a cloud of two: refusals, kills between its acts, verification."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from tests.recoveries.region_acts import BUCKET, EAST, WEST, failover
from tests.servers.aws import Aws, aws
from tests.servers.aws_front import Front, front
from tests.servers.killing import killed_at_call

from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.region import Clients, DnsRecord
from upkeep.backups.region.dns import leads_to, record_sets
from upkeep.errors import PermanentError, TemporaryError
from upkeep.recoveries import region
from upkeep.recoveries.region import RegionFailover, SaidLoss

pytestmark = pytest.mark.integration
ACTS = Path(__file__).with_name("region_acts.py")
NOW = datetime.now(UTC)
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Aws, Front]]:
    with aws() as moto, front(moto.url) as (url, before):
        yield Aws(url), before


@pytest.fixture
def before(servers: tuple[Aws, Front]) -> Front:
    servers[1].forget()
    return servers[1]


@pytest.fixture
def cloud(servers: tuple[Aws, Front], before: Front) -> Aws:
    cloud = servers[0]
    cloud.bucket(BUCKET)
    cloud.put(BUCKET, "data-1.tar.gz", b"newest", NOW - timedelta(hours=1))
    return cloud


@pytest.fixture
def clients(cloud: Aws) -> Clients:
    return Clients(cloud["rds"], cloud["s3"], cloud["route53"])


@pytest.fixture
def zone(cloud: Aws) -> str:
    made = cloud["route53"].create_hosted_zone(Name="example.com", CallerReference=f"{next(_NUMBERS)}")
    return str(made["HostedZone"]["Id"])


def made(cloud: Aws, zone: str, name: str) -> str:
    """Make an instance with its replica, and a name that leads to it."""
    cloud.instance(name)
    cloud["rds"].create_db_instance_read_replica(
        DBInstanceIdentifier=f"{name}-west", SourceDBInstanceIdentifier=name, Tags=[]
    )
    lead(cloud, zone, name, EAST)
    return name


def lead(cloud: Aws, zone: str, name: str, value: str) -> None:
    row = {"Name": f"{name}.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": value}]}
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": row}]}
    cloud["route53"].change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def where(cloud: Aws, zone: str, name: str) -> set[str]:
    [row] = record_sets(cloud["route53"], DnsRecord(zone, f"{name}.example.com", "CNAME", (), ()))
    return set(leads_to(row))


@pytest.fixture
def name(cloud: Aws, zone: str) -> str:
    return made(cloud, zone, f"tapio-{next(_NUMBERS)}")


def kept(plan: Plan) -> Plan:
    """Return a plan as a later stage reads it."""
    return plan_from(json.loads(json.dumps(plan.carried())))


def problems(one: RegionFailover, plan: Plan) -> list[str]:
    return [problem for proof in one.verify(plan) for problem in proof.problems]


def test_from_the_plan_to_the_verification_each_step_twice(clients, cloud, zone, name):
    one = failover(clients, zone, name)
    plan = kept(one.plan())
    assert plan.destructive
    assert (one.data_as_of(plan), one.ready(plan)) == (None, None)
    assert len(problems(one, plan)) == 2
    for _ in range(2):
        one.restore(plan)
        assert one.ready(plan).startswith(f"{name}-west.")
        assert problems(one, plan) == []
    assert where(cloud, zone, name) == {WEST}
    assert timedelta(seconds=20) <= datetime.now(UTC) - one.data_as_of(plan) < timedelta(seconds=60)
    assert one.plan(plan).facts["promotion"] == plan.facts["promotion"]


def test_a_plan_is_the_same_while_only_that_moves_which_is_no_part_of_it(clients, cloud, zone, name):
    plan = failover(clients, zone, name).plan()
    cloud.put(BUCKET, "data-2.tar.gz", b"newer", NOW)
    again = failover(clients, zone, name, lag=40).plan()
    assert again.notes != plan.notes
    assert again.digest == plan.digest
    lead(cloud, zone, name, WEST)
    assert failover(clients, zone, name).plan().digest != plan.digest


def test_everything_in_the_way_is_named_and_nothing_touched(clients, before, cloud, zone, name):
    cloud.put(BUCKET, "data-1.tar.gz", b"old", datetime.now(UTC) - timedelta(hours=3))
    lead(cloud, zone, name, "elsewhere.example.net")
    before.calls.clear()
    with pytest.raises(PermanentError) as told:
        failover(clients, zone, name, lag=900).plan()
    for said in ("900 s behind", "elsewhere.example.net", "is 3:00"):
        assert said in str(told.value)
    assert not {"PromoteReadReplica", "ChangeRecords", "AddTagsToResource"} & set(before.calls)


def test_killed_at_each_call_the_next_attempt_ends_it(clients, before, cloud, zone):
    done_before: set[str] = set()
    for number in count(1):
        name = made(cloud, zone, f"kill-{number}")
        one = failover(clients, zone, name)
        plan = one.plan()
        before.calls.clear()
        killed = killed_at_call(before, number, ACTS, cloud.url, zone, name, json.dumps(plan.carried()))
        if killed:
            done_before.add(before.calls[-1])
        if killed and "ChangeRecords" not in before.calls:
            assert where(cloud, zone, name) == {EAST}
        one.restore(kept(plan))
        assert one.ready(plan)
        assert problems(one, plan) == []
        assert where(cloud, zone, name) == {WEST}
        if not killed:
            break
    assert {"AddTagsToResource", "PromoteReadReplica", "ChangeRecords", "GetChange"} <= done_before


def test_a_replica_too_far_behind_by_now_leaves_the_names(clients, before, cloud, zone, name):
    plan = failover(clients, zone, name).plan()
    with pytest.raises(PermanentError, match="is 900 s behind"):
        failover(clients, zone, name, lag=900).restore(plan)
    assert "PromoteReadReplica" not in before.calls
    assert where(cloud, zone, name) == {EAST}


def test_it_waits_until_route_53s_servers_have_the_names(clients, before, zone, name, monkeypatch):
    monkeypatch.setattr(region, "POLL_SECONDS", 0.01)
    one = failover(clients, zone, name, wait_seconds=0.1)
    plan = one.plan()
    before.answers["GetChange"] = (
        b"<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>"
        b"<SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></GetChangeResponse>"
    )
    with pytest.raises(TemporaryError, match="do not have the names"):
        one.restore(plan)
    del before.answers["GetChange"]
    one.restore(plan)
    assert one.ready(plan)


def test_a_name_that_somebody_moves_back_is_told(clients, cloud, zone, name):
    one = failover(clients, zone, name)
    plan = one.plan()
    one.restore(plan)
    lead(cloud, zone, name, EAST)
    with pytest.raises(PermanentError, match="somebody changed it"):
        one.ready(plan)
    [problem] = problems(one, plan)
    assert f"leads to {EAST}" in problem


def test_a_persons_word_on_the_lag_is_part_of_what_is_approved(clients, zone, name):
    said = SaidLoss(timedelta(seconds=45), NOW - timedelta(hours=5))
    one = failover(clients, zone, name, lag=45, said=said)
    plan = kept(one.plan())
    assert plan.digest != failover(clients, zone, name).plan().digest
    assert "45 s behind" in plan.steps[0]
    one.restore(plan)
    assert one.data_as_of(plan) == NOW - timedelta(hours=5, seconds=45)
