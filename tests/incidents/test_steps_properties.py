"""What holds for every chain and whatever happens on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.incidents.chain import (
    ACK,
    RESOLUTION,
    START,
    acknowledged,
    chain,
    go_through,
    level,
    minutes,
    opened,
    resolved,
)

from upkeep.incidents.model import ChainCopy
from upkeep.incidents.steps import State, advance, page_again

LEVELS = st.builds(
    level,
    owner=st.just("somebody"),
    wait_minutes=st.sampled_from([0, 0, 5, 15, 60]),
    ends_at=st.sampled_from([ACK, RESOLUTION]),
    only_major=st.booleans(),
)
CHAINS = st.builds(
    lambda levels, repeats, target: chain(*levels, repeats=repeats, resolve_minutes=target),
    st.lists(LEVELS, min_size=1, max_size=5),
    st.integers(0, 3),
    st.sampled_from([10, 60, 300]),
)
SEVERITIES = st.sampled_from(["P0", "P1"])
UNTIL = 3_000.0


def snoozed(state: State) -> State:
    return replace(state, snoozed_until=minutes(2_000))


EVENTS = st.dictionaries(
    st.floats(0, 1_900).map(round),
    st.sampled_from([acknowledged, snoozed, page_again]),
    max_size=4,
)


@given(CHAINS, SEVERITIES, st.sets(st.integers(0, 4)))
def test_pages_are_bounded_in_order_and_never_twice(of: ChainCopy, severity: str, empty: set[int]) -> None:
    told, state = go_through(opened(of, severity), UNTIL, empty=empty)

    pages = [one.due for one in told if one.due.kind == "page"]
    reminders = [one for one in told if one.due.kind == "reminder"]
    assert len(pages) <= len(of.levels) * (of.repeats + 1)
    assert len(reminders) <= UNTIL / 30 + 1
    assert len({one.due for one in told}) == len(told)
    assert [(page.round, page.level) for page in pages] == sorted((page.round, page.level) for page in pages)
    assert not empty & {one.due.level for one in told}
    reachable = [
        number
        for number, one in enumerate(of.levels)
        if number not in empty and (severity == "P0" or not one.only_major)
    ]
    assert state.exhausted == bool(reachable)
    assert len(pages) == len(reachable) * (of.repeats + 1)


@given(CHAINS, SEVERITIES, EVENTS, st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_what_is_open_always_has_a_next_step(
    of: ChainCopy, severity: str, events: dict[float, Callable[..., Any]], empty: set[int], dead: set[int]
) -> None:
    _, state = go_through(opened(of, severity), UNTIL, empty=empty, dead=dead, events=events)

    step = advance(state, minutes(UNTIL), empty)
    assert step.next_step_at is not None
    assert step.next_step_at > minutes(UNTIL)


@given(CHAINS, SEVERITIES, EVENTS, st.floats(0, 2_500).map(round))
def test_nobody_is_paged_after_the_resolution(
    of: ChainCopy, severity: str, events: dict[float, Callable[..., Any]], at: float
) -> None:
    told, _ = go_through(opened(of, severity), UNTIL, events=events | {at: resolved})

    assert all(one.at <= at for one in told)


@given(CHAINS, SEVERITIES, st.floats(0, 500).map(round))
def test_after_an_acknowledgement_only_levels_after_one_that_ends_at_resolution_are_paged(
    of: ChainCopy, severity: str, at: float
) -> None:
    told, _ = go_through(opened(of, severity), UNTIL, events={at: acknowledged})

    pages = [one for one in told if one.due.kind == "page"]
    for before, page in pairwise(pages):
        if page.at > at:
            assert of.levels[before.due.level].ends_at == RESOLUTION
            assert page.due.round == before.due.round


@given(CHAINS, st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=30))
def test_whatever_the_clock_does_no_page_comes_twice(of: ChainCopy, leaps: list[int]) -> None:
    state, now, seen = opened(of, "P0"), START, set()
    for leap in leaps:
        now += timedelta(minutes=leap)
        step = advance(state, now)
        assert not seen & set(step.pages)
        seen |= set(step.pages)
        assert step.next_step_at is not None
        longest = max([one.wait_seconds for one in of.levels] + [of.resolution_seconds, 1_800])
        assert now < step.next_step_at <= now + timedelta(seconds=longest)
        state = replace(step.state, heard=True)
