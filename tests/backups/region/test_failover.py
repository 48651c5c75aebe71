"""The failover of a region: pre-flight of everything, promotion, names, verification."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from tests.backups.region.acts import PRIMARY, SECONDARY
from tests.backups.region.conftest import cname

from upkeep.backups.rds import Promotion, promote, promotion_ready
from upkeep.backups.region import (
    Clients,
    DnsRecord,
    RemoteBackups,
    look_at_failover,
    remote_backups,
    switch,
    switch_ready,
    verify_failover,
)
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError, TemporaryError

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)
_NUMBERS = count(1)


@pytest.fixture
def clients(cloud):
    return Clients(cloud["rds"], cloud["s3"], cloud["route53"])


@pytest.fixture
def promotion(cloud):
    name = f"orders-{next(_NUMBERS)}"
    cloud.instance(name)
    cloud["rds"].create_db_instance_read_replica(
        DBInstanceIdentifier=f"{name}-west", SourceDBInstanceIdentifier=name, Tags=[]
    )
    return Promotion(f"run-{name}", f"{name}-west", name, "gone", most_lag_seconds=3600)


@pytest.fixture
def backups(cloud):
    cloud.bucket("west-backups")
    cloud.put("west-backups", "orders/0.zst", b"old", NOW - timedelta(days=2))
    cloud.put("west-backups", "orders/1.zst", b"newest", NOW - timedelta(hours=2))
    return RemoteBackups("west-backups", "orders/", timedelta(hours=26))


@pytest.fixture
def records(put, zone):
    put(cname(PRIMARY))
    put(cname(PRIMARY, "w.example.com", SetIdentifier="one", Weight=1))
    put(cname(SECONDARY, "w.example.com", SetIdentifier="two", Weight=0))
    return [
        DnsRecord(zone, name, "CNAME", (PRIMARY,), (SECONDARY,))
        for name in ("db.example.com", "w.example.com")
    ]


def test_from_the_look_to_the_verification_each_step_twice(clients, promotion, records, backups):
    plan = look_at_failover(clients, promotion, records, [backups], lag=30)
    assert json.loads(json.dumps(plan)) == plan
    assert plan["seen"]["remote_backups"][0]["newest"] == "orders/1.zst"
    assert plan["clients_wait_seconds"] == 360
    assert len(plan["steps"]) == 4
    assert "fenced" in plan["fail_back"][0]
    problems = verify_failover(clients, plan)["problems"]
    assert len(problems) == 3
    for _ in range(2):
        promote(clients.rds, plan["promotion"], lag=30)
        promoted = promotion_ready(clients.rds, plan["promotion"])
    for one in plan["dns"]:
        for _ in range(2):
            assert switch_ready(clients.route53, one, switch(clients.route53, one))["ended_at"]
    done = verify_failover(clients, plan)
    assert done["problems"] == []
    assert done["host"].startswith(promotion.replica)
    assert done["data_as_of"] == promoted["data_as_of"] < promoted["started_at"]


def test_everything_in_the_way_is_named_and_nothing_touched(clients, before, promotion, records, cloud):
    cloud.bucket("empty")
    wrong = [*records, DnsRecord(records[0].zone, "nowhere.example.com", "CNAME", ("a",), ("b",))]
    missing = RemoteBackups("empty", "orders/", timedelta(hours=26))
    before.calls.clear()
    with pytest.raises(PermanentError) as told:
        look_at_failover(clients, promotion, wrong, [missing], lag=None)
    for said in ("nobody can tell", "nowhere.example.com", "no backup is in the second region"):
        assert said in str(told.value)
    assert not {"PromoteReadReplica", "ChangeRecords", "AddTagsToResource"} & set(before.calls)


def test_what_cannot_be_asked_now_is_asked_again(clients, before, promotion, records, backups):
    before.fails("ListRecords", 400, "Throttling")
    with pytest.raises(TemporaryError):
        look_at_failover(clients, promotion, records, [backups], lag=1)


def test_backups_that_are_missing_old_or_empty(clients, cloud, backups):
    assert remote_backups(clients.s3, backups, NOW)["objects"] == 2
    with pytest.raises(PermanentError, match=r"orders/1.zst, is 1 day.* old"):
        remote_backups(clients.s3, backups, NOW + timedelta(days=1, hours=1))
    cloud.put("west-backups", "orders/2.zst", b"", NOW)
    with pytest.raises(PermanentError, match="is empty"):
        remote_backups(clients.s3, backups, NOW)
    with pytest.raises(NotFoundError):
        remote_backups(clients.s3, RemoteBackups("no-such-bucket", "", timedelta(1)), NOW)


def test_a_name_that_somebody_moved_is_found_by_the_verification(clients, put, promotion, records, backups):
    plan = look_at_failover(clients, promotion, records, [backups], lag=1)
    promote(clients.rds, plan["promotion"], lag=1)
    for one in plan["dns"]:
        switch(clients.route53, one)
    put(cname("elsewhere.example.net"))
    [problem] = verify_failover(clients, plan)["problems"]
    assert "leads to elsewhere.example.net" in problem
