"""Names switched by Route 53, on moto through HTTP."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backups.region.acts import PRIMARY, SECONDARY
from tests.backups.region.conftest import cname

from upkeep.backups.region import DnsRecord, look_at_record, switch, switch_ready, undo
from upkeep.backups.region.dns import record_sets, share_of
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

pytestmark = pytest.mark.integration


@pytest.fixture
def record(zone):
    return DnsRecord(zone, "db.example.com", "CNAME", (PRIMARY,), (SECONDARY,))


def rows(dns, zone):
    """Return all record sets of a zone."""
    return dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]


def values(dns, record):
    """Return what each record set of a name leads to, by its identifier."""
    found = [one for one in rows(dns, record.zone) if one["Name"] == f"{record.name}."]
    return {one.get("SetIdentifier"): one["ResourceRecords"][0]["Value"] for one in found}


def weights(dns, record):
    found = rows(dns, record.zone)
    return {one["SetIdentifier"]: one["Weight"] for one in found if one["Name"] == f"{record.name}."}


def weighted(primary=100, secondary=0):
    return (
        cname(PRIMARY, SetIdentifier="one", Weight=primary, HealthCheckId="h-1"),
        cname(SECONDARY, SetIdentifier="two", Weight=secondary),
    )


class TestSimple:
    def test_switched_waited_for_and_switched_back(self, dns, put, record):
        put(cname(PRIMARY), cname("other.example.net", "www.example.com"))
        before = rows(dns, record.zone)
        plan = look_at_record(dns, record)
        assert json.loads(json.dumps(plan)) == plan
        assert (plan["ttl_seconds"], plan["clients_wait_seconds"]) == (300, 360)
        begun = switch(dns, plan)
        assert begun["ended_at"] is None
        done = switch_ready(dns, plan, begun)
        assert done["started_at"] < done["ended_at"]
        assert values(dns, record) == {None: SECONDARY}
        switch(dns, undo(plan))
        assert rows(dns, record.zone) == before

    def test_a_repeat_changes_nothing(self, dns, put, before, record):
        put(cname(PRIMARY))
        plan = look_at_record(dns, record)
        switch(dns, plan)
        before.calls.clear()
        again = switch(dns, plan)
        assert again["change"] is None
        assert switch_ready(dns, plan, again)["ended_at"]
        assert look_at_record(dns, record)["seen"]["done"]
        assert set(before.calls) == {"ListRecords"}

    def test_an_alias(self, dns, put, zone):
        target = {"HostedZoneId": "ZONE1", "DNSName": "one.elb.example.net", "EvaluateTargetHealth": True}
        put({"Name": "api.example.com", "Type": "A", "AliasTarget": target})
        record = DnsRecord(zone, "api.example.com", "A", ("one.elb.example.net",), ("two.elb.example.net",))
        with pytest.raises(PermanentError, match="name the hosted zone"):
            look_at_record(dns, record)
        plan = look_at_record(dns, replace(record, alias_zone="ZONE2"))
        assert plan["ttl_seconds"] == 60
        switch(dns, plan)
        found = next(one for one in rows(dns, zone) if one["Name"] == "api.example.com.")["AliasTarget"]
        assert found == {**target, "HostedZoneId": "ZONE2", "DNSName": "two.elb.example.net"}

    def test_addresses(self, dns, put, zone):
        put(
            {
                "Name": "ip.example.com",
                "Type": "A",
                "TTL": 30,
                "ResourceRecords": [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}],
            }
        )
        record = DnsRecord(zone, "ip.example.com", "A", ("192.0.2.2", "192.0.2.1"), ("198.51.100.1",))
        switch(dns, look_at_record(dns, record))
        found = next(one for one in rows(dns, zone) if one["Name"] == "ip.example.com.")
        assert found["ResourceRecords"] == [{"Value": "198.51.100.1"}]


class TestWeighted:
    def test_traffic_in_steps_and_back(self, dns, put, before, record):
        put(*weighted())
        first = look_at_record(dns, record)
        for percent in (10, 50, 100):
            assert switch(dns, look_at_record(dns, record, percent))["percent"] == percent
            assert weights(dns, record) == {"one": 100 - percent, "two": percent}
            assert share_of(record_sets(dns, record), record.secondary) == percent
            assert switch(dns, look_at_record(dns, record, percent))["change"] is None
        switch(dns, undo(first))
        assert weights(dns, record) == {"one": 100, "two": 0}
        assert [one.get("HealthCheckId") for one in rows(dns, record.zone) if "Weight" in one] == [
            "h-1",
            None,
        ]

    def test_a_third_that_takes_a_share_is_refused_and_an_idle_one_stays(self, dns, put, record):
        put(*weighted(), cname("third.example.net", SetIdentifier="three", Weight=5))
        with pytest.raises(PermanentError, match="three takes a share"):
            look_at_record(dns, record, 10)
        put(cname("third.example.net", SetIdentifier="three", Weight=0))
        switch(dns, look_at_record(dns, record, 10))
        assert weights(dns, record) == {"one": 90, "two": 10, "three": 0}

    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(one=st.integers(0, 255), two=st.integers(0, 255), percent=st.integers(0, 100))
    def test_any_weights_become_shares_and_the_undo_gives_them_back(
        self, *, dns, put, record, one, two, percent
    ):
        put(*weighted(one, two))
        plan = look_at_record(dns, record, percent)
        switch(dns, plan)
        assert weights(dns, record) == {"one": 100 - percent, "two": percent}
        switch(dns, undo(plan))
        assert weights(dns, record) == {"one": one, "two": two}


class TestFailover:
    def test_the_two_change_what_they_lead_to(self, dns, put, record):
        put(
            cname(PRIMARY, SetIdentifier="one", Failover="PRIMARY", HealthCheckId="h-1"),
            cname(SECONDARY, SetIdentifier="two", Failover="SECONDARY"),
        )
        plan = look_at_record(dns, record)
        switch(dns, plan)
        assert values(dns, record) == {"one": SECONDARY, "two": PRIMARY}
        by_id = {one["SetIdentifier"]: one for one in rows(dns, record.zone) if "Failover" in one}
        assert by_id["one"]["Failover"] == "PRIMARY"
        assert "HealthCheckId" not in by_id["one"]
        assert by_id["two"]["HealthCheckId"] == "h-1"
        assert look_at_record(dns, record)["seen"]["done"]
        switch(dns, look_at_record(dns, record, 0))
        assert values(dns, record) == {"one": PRIMARY, "two": SECONDARY}
        with pytest.raises(PermanentError, match="cannot lead 50 %"):
            look_at_record(dns, record, 50)


class TestRefusals:
    def test_no_such_zone_or_record(self, dns, put, record):
        with pytest.raises(NotFoundError, match="zone ZNOWHERE is not there"):
            look_at_record(dns, replace(record, zone="ZNOWHERE"))
        put(cname(PRIMARY, "db2.example.com"))
        for wrong in (record, replace(record, name="db2.example.com", type="A")):
            with pytest.raises(NotFoundError, match="it has no record"):
                look_at_record(dns, wrong)

    def test_a_record_that_leads_elsewhere(self, dns, put, record):
        put(cname("elsewhere.example.net"))
        with pytest.raises(PermanentError, match=r"leads to elsewhere\.example\.net"):
            look_at_record(dns, record)
        put(*[{**one, "Name": "w.example.com"} for one in weighted()[:1]])
        with pytest.raises(PermanentError, match="not once to the primary and once to the secondary"):
            look_at_record(dns, replace(record, name="w.example.com"))

    def test_a_routing_that_is_not_ours_and_shares_that_cannot_be(self, dns, put, record):
        put(cname(PRIMARY, SetIdentifier="eu", Region="eu-central-1"))
        with pytest.raises(PermanentError, match="change it by hand"):
            look_at_record(dns, record)
        put(cname(PRIMARY, "s.example.com"))
        with pytest.raises(PermanentError, match="make it weighted"):
            look_at_record(dns, replace(record, name="s.example.com"), 10)
        with pytest.raises(ValueError, match="101"):
            look_at_record(dns, record, 101)
        with pytest.raises(PermanentError, match="the same"):
            look_at_record(dns, replace(record, name="s.example.com", secondary=(PRIMARY + ".",)))

    def test_what_somebody_changed_since_is_left_alone(self, dns, put, before, record):
        put(cname(PRIMARY))
        plan = look_at_record(dns, record)
        put(cname("third.example.net"))
        before.calls.clear()
        with pytest.raises(PermanentError, match="was changed since the plan"):
            switch(dns, plan)
        assert "ChangeRecords" not in before.calls

    def test_somebody_changes_it_while_one_waits(self, dns, put, record):
        put(cname(PRIMARY))
        plan = look_at_record(dns, record)
        begun = switch(dns, plan)
        put(cname("third.example.net"))
        with pytest.raises(PermanentError, match="somebody changed it"):
            switch_ready(dns, plan, begun)


def test_it_is_not_done_before_all_servers_know_it(dns, put, before, record):
    put(cname(PRIMARY))
    plan = look_at_record(dns, record)
    begun = switch(dns, plan)
    info = "<Id>C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-21T02:00:00Z</SubmittedAt>"
    space = "https://route53.amazonaws.com/doc/2013-04-01/"
    before.answers["GetChange"] = (
        f'<GetChangeResponse xmlns="{space}"><ChangeInfo>{info}</ChangeInfo></GetChangeResponse>'.encode()
    )
    assert switch_ready(dns, plan, begun) is None
    del before.answers["GetChange"]
    assert switch_ready(dns, plan, begun)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "PriorRequestNotComplete", TemporaryError),
        (400, "Throttling", TemporaryError),
        (403, "ExpiredToken", ConfigurationError),
        (403, "AccessDenied", ConfigurationError),
        (400, "InvalidChangeBatch", ConfigurationError),
    ],
)
def test_what_route_53_answers_is_told_apart(dns, put, before, record, *, status, code, error):
    put(cname(PRIMARY))
    plan = look_at_record(dns, record)
    before.fails("ChangeRecords", status, code)
    with pytest.raises(error, match=code):
        switch(dns, plan)
    assert values(dns, record) == {None: PRIMARY}
