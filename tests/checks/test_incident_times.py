"""How long incidents took, whatever happened to them."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from upkeep.checks.context import PastIncident
from upkeep.checks.incident_times import Span, Times, spans, tier_spans, times

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=31)
seconds = st.integers(0, 31 * 86_400)
ended = st.builds(
    lambda begin, took: Span(BEGIN + timedelta(seconds=begin), BEGIN + timedelta(seconds=begin + took), END),
    seconds, seconds,
)  # fmt: skip
endless = st.builds(lambda begin: Span(BEGIN + timedelta(seconds=begin), None, END), seconds)


def minutes(number: float) -> datetime:
    return BEGIN + timedelta(minutes=number)


def incident(
    began: float, opened: float, answered: float | None, resolved: float | None, **paged: float
) -> PastIncident:
    at = {owner: minutes(when) for owner, when in paged.items()}
    return PastIncident(
        id="1",
        severity="P1",
        title="It",
        began_at=minutes(began),
        opened_at=minutes(opened),
        answered_at=None if answered is None else minutes(answered),
        resolved_at=None if resolved is None else minutes(resolved),
        paged=at,
    )


@given(st.lists(ended, min_size=1), seconds)
def test_of_what_has_ended_each_counts_whatever_the_target(of: list[Span], target: int) -> None:
    took = times(of, target)
    expected = sorted((span.end - span.begin).total_seconds() for span in of if span.end)

    assert list(took.seconds) == expected
    assert took.waiting == 0
    assert took.mean is not None
    assert abs(took.mean - statistics.fmean(expected)) <= 1e-6 * max(expected, default=0) + 1e-9
    assert took.longest == expected[-1]


@given(st.lists(st.one_of(ended, endless)), seconds)
def test_what_never_ends_counts_once_it_is_late_and_waits_before(of: list[Span], target: int) -> None:
    took = times(of, target)
    open_for = [(END - span.begin).total_seconds() for span in of if span.end is None]

    assert took.waiting == sum(one <= target for one in open_for)
    assert len(took.seconds) + took.waiting == len(of)
    # Never to answer is no way to a better report.
    assert sum(one > target for one in took.seconds) >= sum(one > target for one in open_for)


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_times_and_covers_its_share(found: list[float], share: float) -> None:
    took = Times(tuple(sorted(found)))
    within = took.within(share)

    assert within in found
    covered = sum(one <= within for one in found if within is not None)
    fewer = sum(one < within for one in found if within is not None)
    assert covered >= share * len(found) - 1e-6
    assert fewer < share * len(found)


def test_of_nothing_there_is_no_time() -> None:
    assert (times([], 60).mean, times([], 60).within(0.95), times([], 60).longest) == (None, None, None)


def test_a_clock_put_back_gives_no_negative_time() -> None:
    assert times([Span(minutes(5), minutes(3), END)], 60).seconds == (0.0,)


def test_each_time_of_an_incident() -> None:
    of = [incident(0, 4, 14, 64)]

    def measured(found: list[Span]) -> tuple[float, ...]:
        return times(found, 60).seconds

    assert measured(spans(of, "detection", END)) == (4 * 60,)
    assert measured(spans(of, "response", END)) == (10 * 60,)
    assert measured(spans(of, "recovery", END)) == (64 * 60,)


def test_what_ended_by_itself_was_unanswered_until_then() -> None:
    healed = [incident(0, 0, None, 20)]

    assert times(spans(healed, "response", END), 15 * 60).seconds == (20 * 60,)
    assert times(spans(healed, "response", END), 25 * 60) == Times((), 1)


def test_a_tier_is_measured_from_its_first_page_to_the_answer_of_whoever() -> None:
    of = [incident(0, 0, 40, 60, l1=1, l1_deputy=5, l2=31)]

    assert times(tier_spans(of, ["l1", "l1_deputy"], END), 900).seconds == (39 * 60,)
    assert times(tier_spans(of, ["l2"], END), 3600).seconds == (9 * 60,)
    assert tier_spans(of, ["l3"], END) == []


def test_who_is_paged_after_the_answer_has_nothing_to_answer() -> None:
    assert tier_spans([incident(0, 0, 10, None, l1=0, management=30)], ["management"], END) == []
