"""The incidents of a period, as they were known at its end, from a real ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from tests.servers.incidents import after, by, many, raise_, signal, wake

from upkeep.checks.context import PastIncident
from upkeep.ledger import kpi_reads
from upkeep.ledger.answers import Answer, acknowledge, reopen, resolve
from upkeep.ledger.recovery import resolve_subjects
from upkeep.ledger.writes import RunRecord, record_run

SINCE, UNTIL = after(-60), after(600)


def opened(ledger: Engine, name: str, at: float = 0, **changes: Any) -> UUID:
    given = signal(name, fold_key=f"shop/{name}", at=after(at), **{"wrong": (name,)} | changes)
    return raise_(ledger, given, at=at).incident_id


def past(ledger: Engine, until: datetime = UNTIL) -> dict[str, PastIncident]:
    return {one.id: one for one in kpi_reads.incidents(ledger, "shop", SINCE, until)}


def test_each_incident_with_its_times_and_who_was_paged(ledger: Engine) -> None:
    incident = opened(ledger, "errors", began_at=after(-4))
    for minutes in (0, 15):
        wake(ledger, minutes)
    acknowledge(ledger, incident, by("ada", 20))
    acknowledge(ledger, incident, by("bob", 25))
    resolve(ledger, incident, by("ada", 50))

    (one,) = past(ledger).values()

    assert (one.id, one.severity, one.title) == (str(incident), "P2", "shop_daily failed")
    assert (one.began_at, one.opened_at) == (after(-4), after(0))
    assert (one.answered_at, one.resolved_at) == (after(20), after(50))
    assert one.paged == {"l1": after(0), "l2": after(15)}


def test_a_period_has_what_opened_in_it_and_of_this_system(ledger: Engine) -> None:
    before, at_once = opened(ledger, "before", at=-61), opened(ledger, "first", at=-60)
    opened(ledger, "after", at=600)
    opened(ledger, "theirs", system="bank")

    assert set(past(ledger)) == {str(at_once)}
    assert str(before) not in past(ledger)


def test_what_came_later_was_not_known_then(ledger: Engine) -> None:
    incident = opened(ledger, "errors")
    wake(ledger, 0)
    acknowledge(ledger, incident, by("ada", 20))
    resolve(ledger, incident, by("ada", 50))

    def known(minutes: float) -> tuple[datetime | None, datetime | None, int]:
        one = past(ledger, after(minutes))[str(incident)]
        return one.answered_at, one.resolved_at, len(one.paged)

    assert known(10) == (None, None, 1)
    assert known(30) == (after(20), None, 1)
    assert known(60) == (after(20), after(50), 1)


def test_a_reopened_incident_is_open_until_it_is_resolved_again(ledger: Engine) -> None:
    incident = opened(ledger, "errors")
    acknowledge(ledger, incident, by("ada", 5))
    resolve(ledger, incident, by("ada", 10))
    reopen(ledger, incident, by("bob", 20))

    assert past(ledger)[str(incident)].resolved_at is None
    assert past(ledger, after(15))[str(incident)].resolved_at == after(10)

    resolve(ledger, incident, by("bob", 90))
    again = past(ledger)[str(incident)]
    assert (again.answered_at, again.resolved_at) == (after(5), after(90))


def test_a_person_who_resolves_has_answered_and_the_suite_has_not(ledger: Engine) -> None:
    by_hand, healed = opened(ledger, "errors"), opened(ledger, "disk")
    resolve(ledger, by_hand, by("ada", 7))
    assert resolve_subjects(ledger, "shop", ["disk"], after(9)) == [healed]

    found = past(ledger)

    assert found[str(by_hand)].answered_at == after(7)
    assert (found[str(healed)].answered_at, found[str(healed)].resolved_at) == (None, after(9))


def test_a_storm_is_not_counted_and_its_answer_is_that_of_what_is_in_it(ledger: Engine) -> None:
    found = many(ledger, 4, limit=2)
    storm = found[3].storm_id
    assert storm
    wake(ledger, 1)
    acknowledge(ledger, storm, by("ada", 12))

    known = past(ledger)

    assert set(known) == {str(one.incident_id) for one in found}
    answered = [known[str(one.incident_id)].answered_at for one in found]
    assert answered == [None, None, after(12), after(12)]
    assert known[str(found[3].incident_id)].paged == {"lead": after(1)}


def test_what_joins_a_storm_that_is_answered_is_answered_at_once(ledger: Engine) -> None:
    storm = many(ledger, 3, limit=2)[2].storm_id
    assert storm
    acknowledge(ledger, storm, Answer("ada", after(-1)))
    late = many(ledger, 4, limit=2)[3]

    assert past(ledger)[str(late.incident_id)].answered_at == after(0)


def test_the_ledger_knows_a_system_since_its_first_record(ledger: Engine) -> None:
    assert kpi_reads.known_since(ledger, "shop") is None
    run = RunRecord("shop_d", "r", "shop", "d", "scheduled", after(-9), after(-10), False, [], after(0))
    record_run(ledger, run)

    known = kpi_reads.known_since(ledger, "shop")

    # When it was written counts, not the moment that the run speaks of: a backfill proves nothing.
    assert known is not None
    assert abs(known - datetime.now(UTC)) < timedelta(minutes=5)
    assert kpi_reads.known_since(ledger, "bank") is None
