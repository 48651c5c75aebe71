"""The KPIs of a period: a real ledger's incidents, a real Prometheus's shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from servers.incidents import after, by, raise_, signal, wake
from servers.ledger import ledger, postgres_server
from servers.prometheus import prometheus
from servers.situation import ask, make_context, make_system, states
from upkeep.catalog.models.operations import Kpi
from upkeep.checks.context import CheckContext, Measurement, PastIncident
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.prometheus import Prometheus
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding, State
from upkeep.ledger import kpi_reads
from upkeep.ledger.answers import acknowledge, resolve

__all__ = ["ledger", "postgres_server"]

pytestmark = pytest.mark.integration
SINCE, AS_OF = after(-1440), after(1440)
STEP = timedelta(minutes=5)
KPIS: dict[str, Any] = {
    "detection": {"title": "Time to detect", "below_minutes": 5, "incidents": "detection"},
    "response": {"title": "Time to respond", "below_minutes": 15, "incidents": "response"},
    "recovery": {"title": "Time to recover", "below_minutes": 60, "incidents": "recovery"},
    "uptime": {"title": "Uptime", "above_ratio": 0.999, "slo": "uptime"},
    "happy": {"title": "Happy customers", "above_ratio": 0.95, "metric": "happy"},
    "satisfaction": {"title": "Satisfaction", "above_ratio": 0.95},
}
OBJECTIVE = {
    "title": "Uptime", "target_ratio": 0.999, "good": "sum(good)", "total": "sum(total)", "measurement": "it",
}  # fmt: skip
TIER = {"title": "First", "availability": "always", "response_minutes": 15, "responsibilities": []}
SYSTEM = make_system(
    kpis=KPIS,
    slos={"uptime": OBJECTIVE},
    metrics={"happy": {"title": "Happy", "promql": "max(happy)", "unit": "ratio"}},
    tiers={"first": TIER},
    owners={"sre": {"title": "SRE"}, "l1": {"title": "L1", "tier": "first"}},
)


@dataclass
class OfLedger:
    """What the check remembers: a real ledger that knows the system since a time."""

    engine: Engine
    since: datetime | None = SINCE

    def measurements(self, metric: str, since: datetime, until: datetime) -> Sequence[Measurement]:
        return ()

    def incidents(self, since: datetime, until: datetime) -> Sequence[PastIncident]:
        return kpi_reads.incidents(self.engine, "shop", since, until)

    def known_since(self) -> datetime | None:
        return self.since


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    def good(at: datetime) -> float:
        return 0.0 if after(0) <= at < after(10) else 100.0  # ten of 2,880 minutes down: 99.65 %

    past = {
        "good": good,
        "total": lambda _at: 100.0,
        "happy": lambda _at: 0.96,
        "short": lambda at: 1.0 if at > after(1300) else None,
    }
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with (
        prometheus(folder, past, start=SINCE, end=AS_OF, step=STEP) as url,
        Prometheus(Endpoint(url)) as made,
    ):
        yield made


def context_of(engine: Engine, client: Prometheus | None = None, **changes: Any) -> CheckContext:
    context = make_context(SYSTEM, as_of=AS_OF, since=SINCE, **({"prometheus": client} if client else {}))
    return replace(context, **{"history": OfLedger(engine)} | changes)


def report(engine: Engine, **changes: Any) -> dict[str, Finding]:
    return ask("kpi_report", context_of(engine, **changes), kpis=["detection", "response", "recovery"])


def incident(
    engine: Engine,
    name: str,
    *,
    began: float,
    opened: float,
    answered: float | None = None,
    resolved: float | None = None,
    severity: str = "P1",
) -> None:
    given = signal(name, fold_key=f"shop/{name}", began_at=after(began), at=after(opened), severity=severity)
    made = raise_(engine, given, at=opened).incident_id
    wake(engine, opened)
    if answered is not None:
        acknowledge(engine, made, by("ada", answered))
    if resolved is not None:
        resolve(engine, made, by("ada", resolved))


def test_the_mean_times_against_their_targets(ledger: Engine) -> None:
    incident(ledger, "one", began=0, opened=2, answered=7, resolved=30)
    incident(ledger, "two", began=100, opened=104, answered=119, resolved=220)

    found = report(ledger)

    values = {name: found[f"kpi_{name}"].value for name in ("detection", "response", "recovery")}
    assert values == {"detection": 3 * 60, "response": 10 * 60, "recovery": 75 * 60}
    assert {name: found[f"kpi_{name}"].state for name in values} == {
        "detection": State.OK, "response": State.OK, "recovery": State.WARNING,
    }  # fmt: skip
    assert found["kpi_recovery"].limit == "> 1 h"
    assert found["kpi_recovery"].evidence["p95_seconds"] == 120 * 60
    assert found["kpi_recovery"].summary == (
        "Time to recover: mean 1.25 h, 95 % within 2 h, of 2, 1 beyond 1 h"
    )
    assert found["incidents"].value == 2
    assert found["incidents"].summary == "2 incidents: 2 P1; 0 still open"


def test_the_targets_of_severities_hold_for_each_incident(ledger: Engine) -> None:
    # The system's targets of every severity: answered in 5 min, resolved in 60 min.
    incident(ledger, "quick", began=0, opened=0, answered=1, resolved=10, severity="P1")
    incident(ledger, "late", began=0, opened=0, answered=6, resolved=61, severity="P1")
    incident(ledger, "other", began=0, opened=0, answered=2, resolved=20, severity="P3")

    found = report(ledger)

    assert states(found) == {
        **dict.fromkeys(found, State.OK), "response_p1": State.WARNING, "recovery_p1": State.WARNING,
    }  # fmt: skip
    assert found["response_p1"].value == 6 * 60
    assert found["response_p1"].evidence["beyond_target"] == 1
    assert "no incidents in the period" in found["response_p0"].summary


def test_a_tier_is_measured_from_its_page_against_its_response_time(ledger: Engine) -> None:
    incident(ledger, "quick", began=-30, opened=0, answered=14, resolved=20)
    assert states(report(ledger))["tier_first"] is State.OK

    incident(ledger, "late", began=60, opened=60, answered=76, resolved=80)
    found = report(ledger)["tier_first"]

    assert (found.state, found.value) == (State.WARNING, 16 * 60)
    assert found.limit == "> 15 min"


def test_what_nobody_answered_counts_against_the_mean(ledger: Engine) -> None:
    incident(ledger, "answered", began=0, opened=0, answered=1, resolved=2)
    incident(ledger, "forgotten", began=0, opened=0)

    response = report(ledger)["kpi_response"]

    assert response.value == (1 + 1440) * 60 / 2
    assert response.state is State.WARNING


def test_what_has_just_opened_is_not_known_yet(ledger: Engine) -> None:
    incident(ledger, "now", began=1436, opened=1439)

    found = report(ledger)

    assert (found["kpi_response"].state, found["kpi_response"].value) == (State.OK, None)
    assert found["kpi_response"].summary == "Time to respond: 1 not yet"
    assert found["kpi_detection"].value == 3 * 60


def test_no_incidents_is_ok_and_said(ledger: Engine) -> None:
    found = report(ledger)

    assert set(states(found).values()) == {State.OK}
    assert found["incidents"].value == 0
    assert found["kpi_response"].summary == "Time to respond: no incidents in the period"
    assert found["kpi_response"].value is None


@pytest.mark.parametrize("since", [None, AS_OF, AS_OF + timedelta(days=40)])
def test_before_the_ledger_knew_the_system_nothing_is_known(ledger: Engine, since: datetime | None) -> None:
    found = report(ledger, history=OfLedger(ledger, since))

    assert set(states(found).values()) == {State.UNKNOWN}
    assert set(found) == set(report(ledger))
    assert all("knows this system only since" in str(one.reason) for one in found.values())


def test_a_part_of_the_period_is_said_to_be_one(ledger: Engine) -> None:
    found = report(ledger, history=OfLedger(ledger, after(0)))

    assert found["incidents"].evidence["known_since"] == after(0).isoformat()
    assert "since 2026-03-04" in found["incidents"].summary


def test_shares_of_the_period(ledger: Engine, client: Prometheus) -> None:
    context = context_of(ledger, client)

    found = ask("kpi_report", context, kpis=["uptime", "happy", "satisfaction"])

    assert found["kpi_uptime"].state is State.WARNING
    assert found["kpi_uptime"].value == pytest.approx(1 - 10 / 2880, abs=2e-4)
    assert found["kpi_uptime"].limit == "< 99.9 %"
    assert (found["kpi_happy"].state, found["kpi_happy"].value) == (State.OK, pytest.approx(0.96))
    assert found["kpi_satisfaction"].state is State.UNKNOWN
    assert "the catalog names no source" in str(found["kpi_satisfaction"].reason)


def test_a_backfill_speaks_of_its_own_period(ledger: Engine, client: Prometheus) -> None:
    context = context_of(ledger, client, as_of=after(-60))

    assert ask("kpi_report", context, kpis=["uptime"])["kpi_uptime"].value == 1


@pytest.mark.parametrize(
    ("good", "total", "reason"),
    [
        ("sum(short)", "sum(short)", "data of 0.1 of the period's 2 days"),
        ("sum(good)", "sum(nothing)", "no data"),
        ("sum(good)", "0 * sum(total)", "no traffic"),
    ],
)
def test_a_period_without_enough_data_is_unknown(
    ledger: Engine, client: Prometheus, good: str, total: str, reason: str
) -> None:
    objective = SYSTEM.slos["uptime"].model_copy(update={"good": good, "total": total})
    system = SYSTEM.model_copy(update={"slos": {"uptime": objective}})

    found = ask("kpi_report", context_of(ledger, client, system=system), kpis=["uptime"])["kpi_uptime"]

    assert found.state is State.UNKNOWN
    assert reason in str(found.reason)


def test_a_kpi_that_the_catalog_does_not_have_is_refused(ledger: Engine) -> None:
    with pytest.raises(ConfigurationError, match="no KPI speed"):
        ask("kpi_report", context_of(ledger), kpis=["speed"])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"below_minutes": 5, "above_ratio": 0.9},
        {"below_minutes": 5, "slo": "uptime"},
        {"above_ratio": 0.9, "incidents": "response"},
        {"above_ratio": 0.9, "slo": "uptime", "metric": "happy"},
    ],
)
def test_a_kpi_measures_one_thing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Kpi.model_validate({"title": "It"} | wrong)
