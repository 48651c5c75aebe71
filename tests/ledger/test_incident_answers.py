"""Answers: given once or twice, in time or too late."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import after, by, chain, raise_, signal, wake

from upkeep.errors import PermanentError
from upkeep.incidents.oncall import StandIn
from upkeep.ledger import answers, incident_reads, overrides


def test_an_acknowledgement_stops_the_chain_and_tells_the_paged(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    wake(ledger, 0)

    answers.acknowledge(ledger, id_, by("ada", 3, channel="pagerduty"))

    assert wake(ledger, 3) == [("acknowledged", "l1")]
    assert [wake(ledger, minute) for minute in (15, 30, 60)] == [[], [], []]
    line = next(line for line in incident_reads.history(ledger, id_) if line.kind == "acknowledged")
    assert (line.who, line.channel, line.at) == ("ada", "pagerduty", after(3))


def test_a_second_acknowledgement_keeps_the_first(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    answers.acknowledge(ledger, id_, by("ada", 1))

    row = answers.acknowledge(ledger, id_, by("bob", 2))

    assert (row.acknowledged_by, row.acknowledged_at) == ("ada", after(1))
    assert len([line for line in incident_reads.history(ledger, id_) if line.kind == "acknowledged"]) == 1


def test_an_acknowledgement_before_the_first_page_leaves_it_out(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    answers.acknowledge(ledger, id_, by("ada", 0))

    assert wake(ledger, 1) == []


def test_the_level_that_waits_decides_whether_an_acknowledgement_stops_the_chain(ledger: Engine) -> None:
    id_ = raise_(ledger, chain=chain(ends_at="resolution")).incident_id
    wake(ledger, 0)
    answers.acknowledge(ledger, id_, by("ada", 3))
    wake(ledger, 3)

    assert wake(ledger, 15) == [("page", "l2")]


@pytest.mark.parametrize(
    "late",
    [
        answers.acknowledge,
        lambda engine, id_, answer: answers.hand_over(engine, id_, answer, 1),
        lambda engine, id_, answer: answers.snooze(engine, id_, answer, after(30)),
    ],
)
def test_a_resolved_incident_is_not_answered_but_reopened(ledger: Engine, late) -> None:  # type: ignore[no-untyped-def]
    id_ = raise_(ledger).incident_id
    answers.resolve(ledger, id_, by("ada", 1))

    with pytest.raises(PermanentError, match=r"was resolved by ada at 2026-03-04T12:01.*reopen it"):
        late(ledger, id_, by("bob", 2))


def test_a_resolution_twice_keeps_the_first_and_tells_the_paged_once(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    wake(ledger, 0)
    wake(ledger, 15)
    answers.resolve(ledger, id_, by("ada", 20, text="restarted"))
    answers.resolve(ledger, id_, by("bob", 21))

    assert wake(ledger, 21) == [("resolved", "l1"), ("resolved", "l2")]
    row = incident_reads.incident(ledger, id_)
    assert row is not None
    assert (row.resolved_by, row.next_step_at) == ("ada", None)


def test_a_reopened_incident_pages_from_the_beginning_under_new_ids(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    wake(ledger, 0)
    answers.acknowledge(ledger, id_, by("ada", 1))
    answers.resolve(ledger, id_, by("ada", 2))
    wake(ledger, 2)

    row = answers.reopen(ledger, id_, by("bob", 300, text="it is back"))

    assert (row.resolved_at, row.acknowledged_at, row.next_step_at) == (None, None, after(300))
    assert wake(ledger, 300) == [("page", "l1")]
    assert wake(ledger, 315) == [("page", "l2")]
    assert len({page.id for page in incident_reads.pages(ledger, id_) if page.kind == "page"}) == 3
    assert answers.reopen(ledger, id_, by("bob", 320)).version == incident_reads.incident(ledger, id_).version  # type: ignore[union-attr]


def test_an_incident_is_not_reopened_beside_another_of_its_matter(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    answers.resolve(ledger, id_, by("ada", 1))
    other = raise_(ledger, signal("failure/shop_daily/2"), at=2).incident_id

    with pytest.raises(PermanentError, match=f"incident {other} is open for the same matter"):
        answers.reopen(ledger, id_, by("ada", 3))


def test_a_hand_over_pages_the_level_even_after_an_acknowledgement(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    wake(ledger, 0)
    answers.acknowledge(ledger, id_, by("ada", 1))
    wake(ledger, 1)

    row = answers.hand_over(ledger, id_, by("ada", 5, text="needs a DBA"), 2)

    assert row.acknowledged_at is None
    assert wake(ledger, 5) == [("page", "l3")]


def test_a_hand_over_to_a_level_that_is_none_names_those_there_are(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id

    with pytest.raises(PermanentError, match=r"no level 3; its levels are 0 \(l1\), 1 \(l2\), 2 \(l3\)"):
        answers.hand_over(ledger, id_, by("ada", 1), 3)


def test_a_snooze_is_silent_until_its_end(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    wake(ledger, 0)
    answers.snooze(ledger, id_, by("ada", 5), after(120))

    assert [wake(ledger, minute) for minute in (15, 60, 119)] == [[], [], []]
    assert wake(ledger, 120) == [("page", "l1")]


def test_an_acknowledgement_ends_a_snooze(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    wake(ledger, 0)
    answers.snooze(ledger, id_, by("ada", 5), after(120))
    answers.acknowledge(ledger, id_, by("ada", 6))

    assert [page for page in wake(ledger, 130) if page[0] == "page"] == []


@pytest.mark.parametrize("until", [after(0), after(24 * 60 + 6)])
def test_a_snooze_is_bounded(ledger: Engine, until: object) -> None:
    id_ = raise_(ledger).incident_id

    with pytest.raises(PermanentError, match="a snooze ends within 24 hours"):
        answers.snooze(ledger, id_, by("ada", 5), until)  # type: ignore[arg-type]


def test_comments_and_visits_are_in_the_history_once_each(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id
    for _ in range(2):
        answers.comment(ledger, id_, by("ada", 1, text="looking"))
    for _ in range(2):
        answers.seen(ledger, id_, by("bob", 2))
    answers.comment(ledger, id_, by("ada", 3, text="looking"))

    lines = [(line.kind, line.who) for line in incident_reads.history(ledger, id_)]
    assert lines == [("opened", None), ("commented", "ada"), ("seen", "bob"), ("commented", "ada")]
    with pytest.raises(PermanentError, match="a comment says something"):
        answers.comment(ledger, id_, by("ada", 3, text="  "))


def test_an_incident_that_does_not_exist_is_said_so(ledger: Engine) -> None:
    with pytest.raises(PermanentError, match="the ledger has no incident"):
        answers.acknowledge(ledger, uuid4(), by("ada", 1))


def test_overrides_are_made_once_and_cancelled(ledger: Engine) -> None:
    swap = StandIn("l1", "bob", after(60), after(120))
    made = overrides.make_override(ledger, "shop", swap, "ada", after(0))

    assert overrides.make_override(ledger, "shop", swap, "ada", after(1)) == made
    later = replace(swap, person="eve")
    overrides.make_override(ledger, "shop", later, "ada", after(2))
    assert overrides.stand_ins(ledger, ["shop", "bank"], after(3)) == {"shop": [swap, later], "bank": []}

    overrides.cancel_override(ledger, made, after(4))
    assert overrides.stand_ins(ledger, ["shop"], after(5)) == {"shop": [later]}
    assert [row.person for row in overrides.overrides(ledger, "shop", after(5))] == ["eve"]
    assert overrides.stand_ins(ledger, ["shop"], after(121)) == {"shop": []}


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=-5)])
def test_an_override_that_is_over_before_it_begins_is_refused(ledger: Engine, length: timedelta) -> None:
    wrong = StandIn("l1", "bob", after(60), after(60) + length)
    with pytest.raises(PermanentError, match="is no time to come"):
        overrides.make_override(ledger, "shop", wrong, "ada", after(0))
