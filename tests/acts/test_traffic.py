"""Traffic led back in steps, on moto's Route 53, judged by a real Prometheus over a written past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from tests.acts.runs import Stages, approve
from tests.servers.aws import Aws
from tests.servers.prometheus import prometheus
from tests.servers.situation import ClientsOf

from upkeep.acts.model import Act, Result
from upkeep.backups.region import DnsRecord
from upkeep.backups.region.dns import record_sets, share_of
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.prometheus import Prometheus
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import State
from upkeep.ledger.recoveries import RecoveryKey, recovery

pytestmark = pytest.mark.integration

HELD, SERVICE, ELSEWHERE = "holding.example.net", "nodes.example.net", "elsewhere.example.net"
START = datetime(2026, 11, 21, 8, tzinfo=UTC)
WELL, FAILING, SILENT, SLOW = (START + timedelta(hours=2 * n) for n in range(4))
"""When a run begins: nothing happens; errors an hour later; no data an hour later; slow at once."""
METRICS: dict[str, Any] = {
    "errors": {
        "title": "Errors",
        "promql": "sum(shop_errors) / sum(shop_requests)",
        "unit": "ratio",
        "critical": [{"above": "5 %", "for_minutes": 10}],
    },
    "latency": {
        "title": "Latency",
        "promql": "shop_latency",
        "unit": "seconds",
        "warning": [{"above": "500 ms"}],
    },
    "sessions": {"title": "Sessions", "promql": "shop_sessions", "unit": "count"},
}
_NUMBERS = count(1)


def errors(at: datetime) -> float | None:
    if SILENT + timedelta(hours=1) <= at < SLOW:
        return None
    return 14 if FAILING + timedelta(minutes=59) <= at < SILENT else 1


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    series: dict[str, Callable[[datetime], float | None]] = {
        "shop_errors": errors,
        "shop_requests": lambda _: 100,
        "shop_latency": lambda at: 0.7 if at >= SLOW else 0.2,
        "shop_sessions": lambda _: 5,
    }
    times = {"start": START, "end": START + timedelta(hours=9), "step": timedelta(seconds=30)}
    folder = tmp_path_factory.mktemp("past")
    with prometheus(folder, series, **times) as url, Prometheus(Endpoint(url)) as found:
        yield found


class Shop:
    """A weighted name that leads to a page, or to the service."""

    def __init__(self, dns: Any) -> None:
        self.dns = dns
        made = dns.create_hosted_zone(Name="example.com", CallerReference=f"traffic-{next(_NUMBERS)}")
        self.record = DnsRecord(made["HostedZone"]["Id"], "shop.example.com", "CNAME", (HELD,), (SERVICE,))
        self.lead(0)

    def lead(self, percent: int, service: str = SERVICE) -> None:
        """Give the service a share by hand."""
        rows = [("held", HELD, 100 - percent), ("service", service, percent)]
        sets = [
            {
                "Name": self.record.name, "Type": "CNAME", "TTL": 60, "SetIdentifier": name, "Weight": weight,
                "ResourceRecords": [{"Value": value}],
            }
            for name, value, weight in rows
        ]  # fmt: skip
        changes = [{"Action": "UPSERT", "ResourceRecordSet": one} for one in sets]
        self.dns.change_resource_record_sets(HostedZoneId=self.record.zone, ChangeBatch={"Changes": changes})

    @property
    def percent(self) -> int:
        return share_of(record_sets(self.dns, self.record), [SERVICE])


@pytest.fixture
def shop(cloud: Aws) -> Shop:
    return Shop(cloud["route53"])


@pytest.fixture
def run(act: Callable[..., Act], shop: Shop, past: Prometheus) -> Callable[..., Stages]:
    def begin(at: datetime, *, metrics: tuple[str, ...] = ("errors", "latency"), **parameters: Any) -> Stages:
        clients = ClientsOf(aws={"route53": shop.dns}, prometheus=past)
        one = act(parts={"metrics": METRICS}, clients=clients, began_at=at, now=at)
        given = {
            "zone": shop.record.zone, "name": shop.record.name, "holding": [HELD], "service": [SERVICE],
            "metrics": metrics, "settle_minutes": 3, "watch_minutes": 20,
        }  # fmt: skip
        return Stages(one, "return_traffic", given | parameters)

    return begin


def begun(run: Stages) -> Stages:
    """Plan, approve, and take the first step."""
    run.do("plan")
    approve(run.act, run.plan)
    run.do("step_1")
    return run


def gate(run: Stages, number: int) -> tuple[Result, int]:
    """Ask a gate every minute until it is ready, as its task does; return how many minutes that took."""
    for minutes in count(1):
        result = run.do(f"gate_{number}")
        if result.ready:
            return result, minutes
        assert minutes < 60
    raise AssertionError


def test_traffic_returns_in_steps_each_judged_for_its_time(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(WELL))
    assert [step["percent"] for step in one.plan.facts["steps"]] == [10, 50, 100]
    assert "errors > 5 % for 10 min; latency > 500 ms" in one.plan.steps[1]
    for number, percent in enumerate((10, 50, 100), start=1):
        if number > 1:
            one.do(f"step_{number}")
        assert shop.percent == percent
        judged, minutes = gate(one, number)
        assert (judged.findings[0].state, minutes) == (State.OK, 2 + 3 + 20)  # TTL and servers, settle, watch
    assert one.do("verify").findings[0].state is State.OK
    took = one.do("measure").findings[0]
    assert took.value == pytest.approx(timedelta(minutes=80).total_seconds(), abs=120)
    one.do("clean_up")
    assert shop.percent == 100


def test_errors_at_a_later_step_put_the_traffic_back(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(FAILING + timedelta(minutes=20)))
    gate(one, 1)
    one.do("step_2")
    judged, minutes = gate(one, 2)
    assert judged.findings[0].state is State.CRITICAL
    assert "at 50 %: Errors was 14 % at " in judged.said
    assert "limit > 5 %; the service was put back from 50 % to 0 % as before" in judged.said
    assert minutes < 20
    assert shop.percent == 0
    with pytest.raises(PermanentError, match="changed since the plan"):
        one.do("step_3")
    with pytest.raises(PermanentError, match="put back, or somebody changed it; clear the run from 'plan'"):
        one.do("gate_2")
    one.do("clean_up")
    assert shop.percent == 0


def test_what_is_not_known_has_not_passed(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(SILENT + timedelta(minutes=55)))
    judged, minutes = gate(one, 1)
    assert minutes == 25  # it may come yet
    assert "Errors has no data at " in judged.said
    assert (judged.findings[0].state, shop.percent) == (State.CRITICAL, 0)


def test_a_prometheus_that_is_gone_is_no_passed_gate(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(WELL))
    gone = ClientsOf(
        aws={"route53": shop.dns}, prometheus=Prometheus(Endpoint("http://127.0.0.1:9", timeout_seconds=1))
    )
    one.act = replace(one.act, clients=gone)
    judged = one.do("gate_1", now=one.act.now + timedelta(minutes=40))
    assert "Errors is not known: " in judged.said
    assert shop.percent == 0


def test_a_warning_counts_too(run: Callable[..., Stages], shop: Shop) -> None:
    judged, _ = gate(begun(run(SLOW)), 1)
    assert "Latency was 700 ms" in judged.said
    assert shop.percent == 0


def test_it_is_approved_and_a_repeat_after_it_was_put_back_too(
    run: Callable[..., Stages], shop: Shop
) -> None:
    one = run(SLOW, approvals=2)
    plan = one.do("plan")
    assert plan.carried["destructive"]
    approve(one.act, one.plan)
    with pytest.raises(PermanentError, match="1 of 2 persons"):
        one.do("step_1")
    one.do("clean_up")
    assert shop.percent == 0
    approve(one.act, one.plan, "grace")
    one.do("step_1")
    gate(one, 1)
    again = one.cleared(back_to="plan", minutes=10)
    again.do("plan")
    with pytest.raises(PermanentError, match="0 of 2 persons"):
        again.do("step_1")
    approve(again.act, again.plan, "ada", "grace", minutes=5)
    with pytest.raises(PermanentError, match="the approval ended"):
        again.do("step_1", now=again.act.now + timedelta(minutes=6))
    assert shop.percent == 0


def test_a_later_step_that_is_not_approved_says_what_was_done(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(WELL))
    gate(one, 1)
    again = one.cleared(back_to="step_2", minutes=1)
    with pytest.raises(PermanentError) as told:
        again.do("step_2")
    said = (
        "step_2 was not taken, and by step 1 the service has 10 %, which 'clean_up' puts back: 0 of 1 persons"
    )
    assert str(told.value).startswith(said)
    assert shop.percent == 10
    again.do("clean_up")
    with pytest.raises(PermanentError, match=r"^step_2 was not taken, and the service has 0 % as before: 0"):
        again.do("step_2")
    shop.lead(33)
    with pytest.raises(
        PermanentError, match=r"^step_2 was not taken, and CNAME .* is as no step has set it:"
    ):
        again.do("step_2")
    assert shop.percent == 33


def test_a_run_that_breaks_off_takes_its_step_back(run: Callable[..., Stages], shop: Shop) -> None:
    shop.lead(10)
    one = begun(run(WELL))
    assert (len(one.plan.facts["steps"]), shop.percent) == (2, 50)
    for _ in range(2):
        assert "10 % as before" in one.do("clean_up").said
        assert shop.percent == 10


def test_a_step_that_was_killed_is_taken_once_and_judged_anew(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(WELL))
    one.do("step_1", now=one.act.now + timedelta(minutes=90))  # longer ago than an approval holds
    assert shop.percent == 10
    judged, minutes = gate(one, 1)
    assert (judged.findings[0].state, minutes) == (State.OK, 25)
    found = recovery(one.act.engine, RecoveryKey(*one.act.run, one.act.task_id))
    assert found is not None
    assert found.verified_at is None


def test_what_somebody_else_changed_is_left_alone(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(WELL))
    shop.lead(33)
    for stage in ("gate_1", "step_2", "clean_up"):
        with pytest.raises(PermanentError, match=r"somebody changed it|changed since the plan"):
            one.do(stage)
    assert shop.percent == 33


def test_what_cannot_be_planned(run: Callable[..., Stages], shop: Shop) -> None:
    shop.lead(100)
    with pytest.raises(PermanentError, match="leads 100 % to the service already"):
        run(WELL).do("plan")
    shop.lead(0, ELSEWHERE)
    with pytest.raises(PermanentError, match="not once to the primary and once to the secondary"):
        run(WELL).do("plan")
    shop.lead(0)
    with pytest.raises(ConfigurationError, match="sessions has no limit"):
        run(WELL, metrics=("errors", "sessions")).do("plan")
    with pytest.raises(ConfigurationError, match="no metric nothing"):
        run(WELL, metrics=("nothing",)).do("plan")
    with pytest.raises(ValueError, match="each step must be more"):
        run(WELL, steps_percent=(50, 10)).do("plan")


def test_traffic_is_held_before_it_returns(run: Callable[..., Stages], shop: Shop) -> None:
    shop.lead(100)
    one = run(WELL)
    one.act = replace(one.act, form={"hold": True})
    held = begun(one)
    assert held.plan.title == "Hold the traffic of shop.example.com"
    assert (shop.percent, gate(held, 1)[1]) == (0, 6)
    held.do("verify")
    held.do("measure")
    held.do("clean_up")
    assert shop.percent == 0
    returned = run(WELL + timedelta(hours=1))
    returned.act = replace(returned.act, run=("shop_traffic", "manual__2"))
    returned.do("plan")
    notes = returned.plan.notes
    assert "It has not been done before: how long it takes is not known" in notes  # to hold is another thing


def test_fewer_steps_leave_the_last_stages_nothing_to_do(run: Callable[..., Stages], shop: Shop) -> None:
    one = begun(run(WELL, steps_percent=(100,)))
    gate(one, 1)
    for stage in ("step_2", "gate_2", "step_3", "gate_3"):
        assert one.do(stage).said == "the plan has no such step"
    one.do("verify")
    assert shop.percent == 100
