"""Many incidents at once page once; a P0 stands alone; nothing that is still open is forgotten."""

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import after, by, chain, many, raise_, signal, wake

from upkeep.errors import PermanentError
from upkeep.incidents.windows import Cover
from upkeep.ledger import answers, incident_reads
from upkeep.ledger.incident_reads import Which
from upkeep.ledger.incident_tables import Incident
from upkeep.ledger.incidents import Storm


def the_storm(ledger: Engine) -> Incident:
    (row,) = [one for one in incident_reads.incidents(ledger, Which()) if one.issue_type == "storm"]
    return row


def test_up_to_the_limit_each_pages_for_itself(ledger: Engine) -> None:
    opened = many(ledger, 3, limit=3)

    assert {one.storm_id for one in opened} == {None}
    assert len(wake(ledger, 0)) == 3


def test_one_too_many_opens_a_storm_that_pages_once_for_all_that_follow(ledger: Engine) -> None:
    opened = many(ledger, 20, limit=3)

    storm = the_storm(ledger)
    assert [one.storm_id for one in opened] == [None] * 3 + [storm.id] * 17
    assert storm.signals == 17
    assert sorted(wake(ledger, 0)) == [("page", "l1")] * 3 + [("page", "lead")]
    assert len(incident_reads.members(ledger, storm.id)) == 17
    assert incident_reads.open_count(ledger, "shop") == 21


def test_a_p0_stands_alone_and_does_not_count(ledger: Engine) -> None:
    assert {one.storm_id for one in many(ledger, 5, limit=3, severity="P0")} == {None}
    assert {one.storm_id for one in many(ledger, 3, limit=3)} == {None}
    many(ledger, 1, limit=3, severity="P1")

    alone = raise_(ledger, signal("down", fold_key="down", severity="P0"), storm=Storm(3, chain()))
    assert alone.storm_id is None
    assert len(wake(ledger, 0)) == 10


def test_a_member_that_becomes_a_p0_leaves_the_storm_and_pages(ledger: Engine) -> None:
    member = many(ledger, 4, limit=3)[-1]
    wake(ledger, 0)

    raise_(ledger, signal("worse", fold_key="shop/P2-3", severity="P0"), at=1)

    row = incident_reads.incident(ledger, member.incident_id)
    assert row is not None
    assert (row.storm_id, row.severity) == (None, "P0")
    assert wake(ledger, 1) == [("page", "l1")]


def test_a_storm_is_as_severe_as_its_most_severe_member(ledger: Engine) -> None:
    many(ledger, 4, limit=3, severity="P3")
    assert the_storm(ledger).severity == "P3"

    many(ledger, 1, limit=3, severity="P1")
    assert the_storm(ledger).severity == "P1"


def test_a_storm_in_a_maintenance_window_waits_for_its_end(ledger: Engine) -> None:
    for number in range(3):
        raise_(
            ledger,
            signal(f"e{number}", fold_key=f"k{number}"),
            storm=Storm(1, chain("lead")),
            quiet=Cover("Weekly tasks", after(120)),
        )

    assert wake(ledger, 119) == []
    assert sorted(wake(ledger, 120)) == [("page", "l1"), ("page", "lead")]


def test_members_left_over_when_the_storm_is_resolved_page_for_themselves(ledger: Engine) -> None:
    opened = many(ledger, 7, limit=3)
    storm = the_storm(ledger)
    wake(ledger, 0)

    with pytest.raises(PermanentError, match="4 incidents of this storm are still open"):
        answers.resolve(ledger, storm.id, by("ada", 5))
    answers.resolve(ledger, opened[-1].incident_id, by("ada", 6))
    answers.resolve(ledger, storm.id, by("ada", 7))

    tried = wake(ledger, 7)
    assert [page for page in tried if page[0] == "page"] == [("page", "l1")] * 3
    assert ("resolved", "lead") in tried


def test_a_storm_ends_with_its_last_member(ledger: Engine) -> None:
    opened = many(ledger, 5, limit=3)
    storm = the_storm(ledger)
    wake(ledger, 0)
    for one in opened[3:]:
        answers.resolve(ledger, one.incident_id, by("ada", 5))

    row = incident_reads.incident(ledger, storm.id)
    assert row is not None
    assert row.resolved_by == "upkeep"


def test_a_member_that_repeats_is_counted_and_stays_silent(ledger: Engine) -> None:
    member = many(ledger, 4, limit=3)[-1]
    wake(ledger, 0)

    raise_(ledger, signal("again", fold_key="shop/P2-3"), at=1)
    raise_(ledger, signal("worse", fold_key="shop/P2-3", severity="P1"), at=2)

    row = incident_reads.incident(ledger, member.incident_id)
    assert row is not None
    assert (row.signals, row.severity, row.next_step_at) == (3, "P1", None)
    assert wake(ledger, 2) == [("page", "lead")]  # the storm has become more severe
    answers.acknowledge(ledger, row.id, by("ada", 3))
    assert wake(ledger, 3) == []


def test_a_storm_of_another_system_is_its_own(ledger: Engine) -> None:
    many(ledger, 4, limit=3)

    other = raise_(ledger, signal("bank", system="bank", fold_key="k"), storm=Storm(3, chain()))
    assert other.storm_id is None
