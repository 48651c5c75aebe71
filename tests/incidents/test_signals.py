"""Signals: the same event is the same signal, one matter is one key, and a backfill makes none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.servers.situation import make_system

from upkeep.catalog.compiled import Catalog
from upkeep.findings import Finding, State
from upkeep.incidents import outside, severities, signals
from upkeep.incidents.model import Signal
from upkeep.incidents.signals import RunOf

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
RUN = RunOf("quikapp", "quikapp_daily_sre", "scheduled__1", "scheduled", "sre")
QUIKAPP = Catalog().system("quikapp")


def found(check: str = "error_ratio", state: State = State.CRITICAL, limit: str | None = "> 1 %") -> Finding:
    return Finding(
        check=check, state=state, summary=f"{check} is {state}", source="prometheus: x", observed_at=NOW,
        value=0.05, unit="ratio", limit=limit, reason="no data" if state is State.UNKNOWN else None,
    )  # fmt: skip


def of_findings(*findings: Finding, run: RunOf = RUN, kind: str = "metrics") -> Signal | None:
    return signals.critical_findings(run, QUIKAPP, findings, kind=kind, task_id="errors", now=NOW)


def of_alert(name: str = "HighErrorRate", minutes: float = 0, **more: Any) -> Signal | None:
    values: dict[str, Any] = {
        "labels": {"severity": "critical"},
        "annotations": {"summary": "Many errors"},
        "starts_at": NOW - timedelta(minutes=minutes),
        "fingerprint": "f1",
        "now": NOW,
    }
    return outside.from_alert("quikapp", QUIKAPP, name=name, **values | more)


def test_all_that_is_about_one_run_has_one_key_and_one_occasion() -> None:
    made = [
        of_findings(found()),
        signals.failed_run(RUN, NOW, NOW, ["errors"]),
        signals.missed_deadline(RUN, NOW, timedelta(hours=1), NOW),
    ]

    assert {one.fold_key for one in made if one} == {"quikapp/quikapp_daily_sre"}
    assert {one.occasion for one in made if one} == {"quikapp_daily_sre/scheduled__1"}
    assert len({one.event_id for one in made if one}) == 3
    missing = signals.missing_run("quikapp", RUN.dag_id, owner="sre", due_at=NOW, reason="paused", now=NOW)
    assert missing.fold_key == "quikapp/quikapp_daily_sre"


def test_a_backfill_makes_no_signal() -> None:
    past = replace(RUN, run_type="backfill")

    assert of_findings(found(), run=past) is None
    assert signals.failed_run(past, NOW, NOW) is None
    assert signals.missed_deadline(past, NOW, timedelta(hours=1), NOW) is None
    warning = found("latency_p95", State.WARNING)
    assert (
        signals.lasting_warning(past, QUIKAPP, warning, task_id="t", since=NOW - timedelta(days=9), now=NOW)
        is None
    )


def test_the_same_event_is_the_same_incident_whenever_it_is_noticed() -> None:
    first = signals.failed_run(RUN, NOW, NOW)
    later = signals.failed_run(RUN, NOW, NOW + timedelta(hours=1))
    assert first is not None
    assert later is not None
    assert first.incident_id == later.incident_id

    cleared = signals.failed_run(replace(RUN, attempt=1), NOW, NOW)
    assert cleared is not None
    assert cleared.event_id != first.event_id


def test_only_critical_findings_are_a_signal() -> None:
    assert of_findings(found(state=State.WARNING), found(state=State.UNKNOWN), found(state=State.OK)) is None


def test_the_most_severe_finding_gives_severity_symptom_and_title() -> None:
    limit = {"above": "1 %", "severity": "P0"}
    errors = {
        "title": "Errors",
        "promql": "e",
        "unit": "ratio",
        "critical": [limit],
        "runbook": "many_errors",
    }
    words = make_system().escalation.model_dump() | {"severity_words": {"critical": "P1"}}
    of = make_system(metrics={"errors": errors}, escalation=words)

    signal = signals.critical_findings(
        RUN, of, [found("backup", limit=None), found("errors")], kind="metrics", task_id="t", now=NOW
    )

    assert signal is not None
    assert (signal.severity, signal.symptom) == ("P0", "many_errors")
    assert signal.title == "errors is critical and 1 more"
    assert signal.wrong == ("check/quikapp_daily_sre/backup", "check/quikapp_daily_sre/errors")
    assert signal.about == ("quikapp/metric/errors",)
    assert signal.facts["checks"] == ["backup", "errors"]


def test_the_limit_that_was_crossed_gives_the_severity() -> None:
    limits = [{"above": "1 %", "severity": "P2"}, {"above": "5 %", "severity": "P1"}]
    metric = {"title": "Errors", "promql": "errors", "unit": "ratio", "critical": limits}
    of = make_system(metrics={"errors": metric})

    assert severities.of_finding(of, found("errors", limit="> 1 %")) == "P2"
    assert severities.of_finding(of, found("errors{pod=a}", limit="> 5 %")) == "P1"
    assert severities.of_finding(of, found("other", limit=None)) == "P0"  # what its guide calls critical
    assert severities.of_finding(of, found("other", State.WARNING)) == "P3"


@pytest.mark.parametrize(
    ("kind", "issue_type"),
    [("vulnerabilities", "security"), ("backup_status", "data_loss"), ("metrics", "performance")],
)
def test_the_kind_of_procedure_gives_the_issue_type(kind: str, issue_type: str) -> None:
    signal = of_findings(found(), kind=kind)
    assert signal is not None
    assert signal.issue_type == issue_type


def test_a_warning_is_a_signal_when_it_has_held_longer_than_the_catalog_allows() -> None:
    metric = {"title": "Disk", "promql": "disk", "unit": "ratio", "escalate_after_minutes": 60}
    of = make_system(metrics={"disk": metric, "never": metric | {"escalate_after_minutes": None}})

    def held(minutes: float, check: str = "disk") -> Signal | None:
        since = NOW - timedelta(minutes=minutes)
        warning = found(check, State.WARNING)
        return signals.lasting_warning(RUN, of, warning, task_id="t", since=since, now=NOW)

    assert held(59) is None
    assert held(9_999, "never") is None
    signal = held(60)
    assert signal is not None
    assert (signal.severity, signal.began_at) == ("P3", NOW - timedelta(minutes=60))


def test_an_alert_shares_a_key_with_the_findings_of_the_metric_that_its_rule_watches() -> None:
    signal, finding = of_alert(), of_findings(found("error_ratio"))

    assert signal is not None
    assert finding is not None
    assert (signal.fold_key, signal.severity) == ("quikapp/alert/HighErrorRate", "P0")
    assert signal.about == finding.about == ("quikapp/metric/error_ratio",)


def test_an_alert_that_fires_again_is_another_event_of_the_same_matter() -> None:
    first, again = of_alert(minutes=60), of_alert(minutes=0)

    assert first is not None
    assert again is not None
    assert first.event_id != again.event_id
    assert (first.fold_key, first.wrong) == (again.fold_key, again.wrong)


@pytest.mark.parametrize(
    ("label", "severity"), [("critical", "P0"), ("high", "P1"), ("page", "P1"), ("CRITICAL", "P0")]
)
def test_an_alert_that_the_catalog_does_not_know_counts_by_its_label(label: str, severity: str) -> None:
    signal = of_alert("Unknown", labels={"severity": label})
    assert signal is not None
    assert (signal.severity, signal.about) == (severity, ())


def test_a_warning_of_alertmanager_pages_nobody_until_it_holds_longer_than_allowed() -> None:
    assert of_alert("Unknown", labels={"severity": "warning"}, minutes=9_999) is None
    assert of_alert("Unknown", labels={"severity": "info"}) is None

    rule = {
        "expr": "x > 1",
        "severity": "P3",
        "label": "warning",
        "summary": "x",
        "escalate_after_minutes": 30,
    }
    of = make_system(alerts={"Slow": rule})
    values: dict[str, Any] = {"name": "Slow", "labels": {}, "annotations": {}, "fingerprint": "f", "now": NOW}

    assert outside.from_alert("shop", of, starts_at=NOW - timedelta(minutes=29), **values) is None
    assert outside.from_alert("shop", of, starts_at=NOW - timedelta(minutes=30), **values) is not None


def test_a_form_sent_twice_is_one_incident() -> None:
    def raised(key: str) -> Signal:
        return outside.by_hand(
            "shop", key=key, issue_type="security", severity="P1", title="t", summary="s", who="ada", now=NOW
        )

    assert raised("run 1").incident_id == raised("run 1").incident_id
    assert raised("run 1").fold_key != raised("run 2").fold_key


def test_an_edit_of_a_broken_file_folds_into_its_incident() -> None:
    first, edited = (outside.broken_catalog("shop", [line], NOW, NOW) for line in ("line 1", "line 2"))

    assert (first.system, first.fold_key) == ("upkeep", edited.fold_key)
    assert first.event_id != edited.event_id


@pytest.mark.parametrize(("count", "said"), [(1, "1 problem: line 0"), (2, "2 problems: line 0; line 1")])
def test_a_broken_file_says_how_many_problems_it_has(count: int, said: str) -> None:
    problems = [f"line {number}" for number in range(count)]

    assert said in outside.broken_catalog("shop", problems, NOW, NOW).summary
