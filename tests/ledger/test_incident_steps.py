"""Steps and pages in the ledger: claimed once, applied only if nothing changed, never lost, never twice."""

from datetime import timedelta

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from tests.servers.incidents import (
    after,
    by,
    chain,
    decide,
    everyone,
    raise_,
    sent,
    sent_id,
    signal,
    wake,
)

from upkeep.incidents.oncall import OnCall
from upkeep.ledger import answers, incident_reads, outbox, stepping
from upkeep.ledger.incident_tables import Incident, PageRow


def rows(ledger: Engine) -> list[PageRow]:
    with Session(ledger) as session:
        return list(session.scalars(select(PageRow).order_by(PageRow.created_at, PageRow.level)))


def the_incident(ledger: Engine) -> Incident:
    with Session(ledger) as session:
        return session.scalars(select(Incident)).one()


def history(ledger: Engine) -> list[tuple[str, str | None]]:
    lines = incident_reads.history(ledger, the_incident(ledger).id)
    return [(line.kind, line.who) for line in lines]


def test_a_chain_runs_through_the_ledger_to_its_end(ledger: Engine) -> None:
    raise_(ledger, chain=chain("l1", "l2", repeats=1))

    tried = [(minute, page) for minute in range(0, 91, 5) for page in wake(ledger, minute)]

    assert tried == [
        (0, ("page", "l1")),
        (15, ("page", "l2")),
        (30, ("page", "l1")),
        (45, ("page", "l2")),
    ]
    assert the_incident(ledger).exhausted
    assert stepping.next_wake(ledger) == after(240)
    assert wake(ledger, 240) == [("reminder", "l2")]
    assert stepping.next_wake(ledger) == after(480)


def test_a_wake_up_with_nothing_due_does_nothing(ledger: Engine) -> None:
    assert wake(ledger, 0) == []
    assert stepping.next_wake(ledger) is None


def test_the_path_of_a_page_is_in_the_history(ledger: Engine) -> None:
    raise_(ledger)
    wake(ledger, 0, takes=lambda one: one.page.person != "l1")

    assert history(ledger) == [
        ("opened", None),
        ("page_failed", "l1"),
        ("dead_letter", "l1"),
        ("paged", "l2"),
    ]
    first, second = rows(ledger)
    assert (first.state, first.attempts, first.error) == ("dead", 3, "slack: answers 500")
    assert (second.state, second.channel, second.target) == ("sent", "slack", "l2@shop.example")


def test_while_no_channel_works_everybody_is_tried_every_five_minutes(ledger: Engine) -> None:
    raise_(ledger)

    assert [len(wake(ledger, minute, takes=lambda _: False)) for minute in (0, 4, 5, 10)] == [3, 0, 3, 3]
    assert wake(ledger, 15) == [("page", "l1")]
    assert len({row.id for row in rows(ledger)}) == 10


def test_a_reminder_that_nobody_could_be_told_is_tried_again_in_five_minutes(ledger: Engine) -> None:
    opened = raise_(ledger)
    wake(ledger, 0)
    answers.acknowledge(ledger, opened.incident_id, by("ada", 1))
    wake(ledger, 1)

    assert wake(ledger, 240, takes=lambda _: False) == [("reminder", "l1")]
    assert wake(ledger, 244) == []
    assert wake(ledger, 245) == [("reminder", "l1")]
    assert wake(ledger, 300) == []


def test_an_empty_level_is_passed_over_and_noted_once(ledger: Engine) -> None:
    raise_(ledger)

    def nobody(incident: Incident) -> dict[int, OnCall]:
        return {level: OnCall(None, "outside business hours") for level in range(3)}

    assert [wake(ledger, minute, on_call=nobody) for minute in (0, 5, 10)] == [[], [], []]
    assert [kind for kind, _ in history(ledger)] == ["opened", *["level_skipped"] * 3]
    assert wake(ledger, 15) == [("page", "l1")]


def test_a_claimed_incident_is_nobody_elses_until_the_lease_is_over(ledger: Engine) -> None:
    raise_(ledger)

    assert len(stepping.claim_due(ledger, after(0))) == 1
    assert stepping.claim_due(ledger, after(0)) == []
    assert len(stepping.claim_due(ledger, after(0) + stepping.LEASE)) == 1


def test_a_step_that_was_decided_before_an_acknowledgement_is_dropped(ledger: Engine) -> None:
    opened = raise_(ledger)
    (due,) = stepping.claim_due(ledger, after(0))
    answers.acknowledge(ledger, opened.incident_id, by("ada", 0))

    assert stepping.apply_steps(ledger, [decide(due, after(0))], after(0)) == []
    assert rows(ledger) == []
    assert wake(ledger, 60) == []
    assert the_incident(ledger).acknowledged_by == "ada"


def test_of_two_that_decide_the_same_step_one_is_dropped(ledger: Engine) -> None:
    raise_(ledger)
    (slow,) = stepping.claim_due(ledger, after(0))
    (quick,) = stepping.claim_due(ledger, after(2))

    assert len(stepping.apply_steps(ledger, [decide(quick, after(2))], after(2))) == 1
    assert stepping.apply_steps(ledger, [decide(slow, after(2))], after(2)) == []
    assert len(rows(ledger)) == 1


def test_a_page_whose_sender_was_killed_is_sent_again_under_the_same_id(ledger: Engine) -> None:
    raise_(ledger)
    (due,) = stepping.claim_due(ledger, after(0))
    stepping.apply_steps(ledger, [decide(due, after(0))], after(0))
    (lost,) = outbox.claim_pages(ledger, after(0))

    assert stepping.next_wake(ledger) == after(1)  # the claim's end, long before the next step
    assert outbox.claim_pages(ledger, after(0.5)) == []
    (again,) = outbox.claim_pages(ledger, after(1))
    assert again.page.id == lost.page.id

    outbox.record_pages(ledger, [sent(again)], after(1))
    outbox.record_pages(ledger, [sent(lost, took=False)], after(2))
    assert [row.state for row in rows(ledger)] == ["sent"]
    assert the_incident(ledger).undelivered is False


def test_a_page_on_its_way_while_somebody_resolves_is_told_of_the_resolution(ledger: Engine) -> None:
    opened = raise_(ledger)
    (due,) = stepping.claim_due(ledger, after(0))
    stepping.apply_steps(ledger, [decide(due, after(0))], after(0))
    (page,) = outbox.claim_pages(ledger, after(0))
    answers.resolve(ledger, opened.incident_id, by("ada", 0))

    outbox.record_pages(ledger, [sent(page)], after(0.2))
    assert [row.state for row in rows(ledger) if row.kind == "page"] == ["sent"]
    assert wake(ledger, 1) == [("resolved", "l1")]
    assert wake(ledger, 90) == []


def test_a_dead_letter_of_a_level_that_is_past_pages_nobody_more(ledger: Engine) -> None:
    opened = raise_(ledger, chain=chain(wait_seconds=0))
    wake(ledger, 0, takes=lambda one: one.page.person != "l1")

    assert [row.person for row in rows(ledger)] == ["l1", "l2", "l3"]
    assert wake(ledger, 1) == []
    assert opened.outcome == "opened"


def test_a_clock_put_back_by_a_year_stalls_nothing(ledger: Engine) -> None:
    year = timedelta(days=365) / timedelta(minutes=1)
    raise_(ledger, at=year)
    wake(ledger, year)

    assert wake(ledger, 0) == []
    assert stepping.wake_stalled(ledger, after(0)) == [the_incident(ledger).id]
    assert wake(ledger, 0) == []
    assert stepping.next_wake(ledger) == after(15)
    assert wake(ledger, 15) == [("page", "l2")]
    assert stepping.wake_stalled(ledger, after(15)) == []


def test_an_incident_without_a_next_step_is_woken(ledger: Engine) -> None:
    raise_(ledger)
    with ledger.begin() as connection:
        connection.execute(text("UPDATE incidents SET next_step_at = NULL"))

    assert stepping.wake_stalled(ledger, after(5)) == [the_incident(ledger).id]
    assert wake(ledger, 5) == [("page", "l1")]


def test_an_edited_chain_leaves_open_incidents_alone(ledger: Engine) -> None:
    raise_(ledger, chain=chain("l1", "l2"))
    raise_(ledger, signal("again"), at=1, chain=chain("nobody"))

    assert wake(ledger, 1) == [("page", "l1")]
    assert wake(ledger, 16) == [("page", "l2")]


def test_the_heard_round_is_kept_when_delivery_and_decision_cross(ledger: Engine) -> None:
    raise_(ledger, chain=chain("l1", repeats=0))
    (due,) = stepping.claim_due(ledger, after(0))
    stepping.apply_steps(ledger, [decide(due, after(0))], after(0))
    (crossing,) = stepping.claim_due(ledger, after(15))
    decided = decide(crossing, after(15), everyone(crossing.incident))

    outbox.record_pages(ledger, [sent_id(rows(ledger)[0].id)], after(15))

    assert stepping.apply_steps(ledger, [decided], after(15)) == []
    assert wake(ledger, 15) == []
    assert the_incident(ledger).exhausted


def test_a_claimed_step_is_due_again_when_its_claim_ends(ledger: Engine) -> None:
    raise_(ledger)
    assert stepping.next_wake(ledger) == after(0)

    stepping.claim_due(ledger, after(0))

    assert stepping.next_wake(ledger) == after(0) + stepping.LEASE
