"""One incident for one matter: what opens, what folds, what changes nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import after, by, chain, raise_, signal, wake

from upkeep.incidents.windows import Cover
from upkeep.ledger import answers, incident_reads
from upkeep.ledger.incident_reads import Which
from upkeep.ledger.incident_tables import Incident

DEADLINE = replace(signal("deadline/shop_daily/1"), source="deadline", title="late")


def the_open(ledger: Engine) -> Incident:
    (row,) = incident_reads.incidents(ledger, Which())
    return row


def kinds(ledger: Engine, row: Incident) -> list[str]:
    return [line.kind for line in incident_reads.history(ledger, row.id)]


def test_a_signal_opens_an_incident_whose_first_step_is_due(ledger: Engine) -> None:
    opened = raise_(ledger)

    row = the_open(ledger)
    assert (opened.incident_id, opened.outcome) == (row.id, "opened")
    assert row.id == signal().incident_id
    assert (row.next_step_at, row.level, row.signals) == (after(0), -1, 1)
    assert kinds(ledger, row) == ["opened"]


def test_the_same_event_again_changes_nothing(ledger: Engine) -> None:
    raise_(ledger)
    before = the_open(ledger)

    assert raise_(ledger, at=5).outcome == "seen"
    after_it = the_open(ledger)
    assert [getattr(after_it, one.key) for one in Incident.__table__.columns] == [
        getattr(before, one.key) for one in Incident.__table__.columns
    ]
    assert kinds(ledger, before) == ["opened"]


def test_the_same_event_after_the_resolution_stays_resolved(ledger: Engine) -> None:
    opened = raise_(ledger)
    answers.resolve(ledger, opened.incident_id, by("ada", 5))

    assert raise_(ledger, at=10).outcome == "seen"
    assert incident_reads.open_count(ledger) == 0


def test_a_recurrence_after_the_resolution_is_a_new_incident(ledger: Engine) -> None:
    first = raise_(ledger)
    answers.resolve(ledger, first.incident_id, by("ada", 5))

    second = raise_(ledger, signal("failure/shop_daily/2"), at=10)
    assert second.outcome == "opened"
    assert second.incident_id != first.incident_id


def test_what_is_about_one_routine_is_one_incident(ledger: Engine) -> None:
    finding = signal("finding/shop_daily/1/errors", source="finding", wrong=("check/shop_daily/errors",))
    first = raise_(ledger, finding)
    assert raise_(ledger, signal(), at=1).incident_id == first.incident_id
    assert raise_(ledger, DEADLINE, at=30).outcome == "folded"

    row = the_open(ledger)
    assert (row.signals, row.wrong) == (3, ["check/shop_daily/errors", "run/shop_daily"])
    assert wake(ledger, 31) == [("page", "l1")]


def test_an_alert_and_the_finding_of_its_metric_are_one_incident_with_the_run_that_fails(
    ledger: Engine,
) -> None:
    alert = signal(
        "alert/1", fold_key="shop/alert/HighErrors", source="alertmanager", about=("shop/metric/errors",)
    )
    finding = signal("finding/1", source="finding", about=("shop/metric/errors",))

    raise_(ledger, alert)
    assert raise_(ledger, finding, at=1).outcome == "folded"
    assert raise_(ledger, signal(), at=2).outcome == "folded"
    assert the_open(ledger).signals == 3


def test_another_system_with_the_same_key_is_another_incident(ledger: Engine) -> None:
    raise_(ledger)
    other = raise_(ledger, signal("other", system="bank"))

    assert other.outcome == "opened"


@pytest.mark.parametrize("late", [DEADLINE, signal("failure/shop_daily/1/late")])
def test_a_resolved_run_opens_no_other_by_its_late_deadline_or_failure(ledger: Engine, late: object) -> None:
    opened = raise_(ledger, signal("finding/1", source="finding", occasion="shop_daily/1"))
    answers.resolve(ledger, opened.incident_id, by("ada", 5))

    outcome = raise_(ledger, replace(late, occasion="shop_daily/1"), at=60)  # type: ignore[type-var]
    assert (outcome.incident_id, outcome.outcome) == (opened.incident_id, "settled")
    assert incident_reads.open_count(ledger) == 0
    assert raise_(ledger, signal("finding/2", source="finding", occasion="shop_daily/1")).outcome == "opened"


def test_a_more_severe_signal_raises_the_incident_and_pages_who_has_answered_less(ledger: Engine) -> None:
    opened = raise_(ledger)
    wake(ledger, 0)
    answers.acknowledge(ledger, opened.incident_id, by("ada", 1))
    wake(ledger, 1)
    urgent = replace(chain(), resolution_seconds=60)

    raise_(ledger, signal("finding/1", severity="P0", title="Checkout is down"), at=2, chain=urgent)

    row = the_open(ledger)
    assert (row.severity, row.title, row.chain["resolution_seconds"]) == ("P0", "Checkout is down", 60)
    assert (row.acknowledged_at, row.next_step_at) == (None, after(2))
    assert wake(ledger, 2) == [("page", "l1")]


def test_a_less_severe_signal_is_counted_and_pages_nobody(ledger: Engine) -> None:
    opened = raise_(ledger)
    wake(ledger, 0)
    answers.acknowledge(ledger, opened.incident_id, by("ada", 1))
    wake(ledger, 1)

    raise_(ledger, signal("warning", severity="P3", title="less"), at=2)

    row = the_open(ledger)
    assert (row.severity, row.title, row.acknowledged_by) == ("P2", "shop_daily failed", "ada")
    assert wake(ledger, 2) == []


def test_a_maintenance_window_is_recorded_and_pages_when_it_is_over(ledger: Engine) -> None:
    quiet = Cover("Weekly tasks", after(120))
    raise_(ledger, quiet=quiet)

    row = the_open(ledger)
    assert (row.quiet, row.next_step_at) == ("Weekly tasks", after(120))
    assert kinds(ledger, row) == ["opened", "suppressed"]
    assert wake(ledger, 119) == []
    assert wake(ledger, 120) == [("page", "l1")]


def test_a_p0_pages_through_a_maintenance_window_and_so_does_what_becomes_one(ledger: Engine) -> None:
    quiet = Cover("Weekly tasks", after(120))
    raise_(ledger, signal("a", fold_key="a", severity="P0"), quiet=quiet)
    raise_(ledger, signal("b", fold_key="b"), quiet=quiet)
    assert wake(ledger, 0) == [("page", "l1")]

    raise_(ledger, signal("b2", fold_key="b", severity="P1"), at=1, quiet=quiet)
    assert wake(ledger, 1) == []
    raise_(ledger, signal("b3", fold_key="b", severity="P0"), at=2, quiet=quiet)
    assert wake(ledger, 2) == [("page", "l1")]


def test_what_is_resolved_within_its_window_pages_nobody(ledger: Engine) -> None:
    opened = raise_(ledger, quiet=Cover("Weekly tasks", after(120)))
    answers.resolve(ledger, opened.incident_id, by("ada", 60))

    assert wake(ledger, 200) == []


def test_garbage_in_the_facts_does_not_lose_the_incident(ledger: Engine) -> None:
    facts = {"value": float("nan"), "text": "a\x00b", "size": "x" * 100_000, "at": timedelta(1)}

    raise_(ledger, signal(facts=facts, title="a\x00b"))

    assert the_open(ledger).title == "ab"
    assert the_open(ledger).facts["truncated_from_bytes"] > 100_000
