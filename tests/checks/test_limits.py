"""Limits: property tests of what a value means under any set of limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.catalog.models import Limit
from upkeep.checks.limits import Bound, bounds, judge, longest_minutes, sentence
from upkeep.findings import State

numbers = st.floats(min_value=0, max_value=1e6, allow_nan=False).map(lambda n: round(n, 3))


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    side = draw(st.sampled_from(["above", "below"]))
    minutes = draw(st.sampled_from([0, 1, 5, 10, 30]))
    return Limit.model_validate({side: str(draw(numbers)), "for_minutes": minutes})


sets = st.tuples(st.lists(limits(), max_size=3), st.lists(limits(), max_size=3)).map(lambda s: bounds(*s))


@given(value=numbers, of=sets)
def test_the_state_is_the_worst_crossed_limit(value: float, of: list[Bound]) -> None:
    verdict = judge(value, of)
    crossed = [b.state for b in of if (value > b.value if b.limit.above is not None else value < b.value)]
    assert verdict.state is max(crossed, key=lambda s: s.rank, default=State.OK)
    if crossed:
        assert verdict.bound is not None
        assert verdict.bound.state is verdict.state
        assert verdict.bound.crossed_by(value)


@given(of=sets)
def test_no_number_is_unknown_whatever_the_limits(of: list[Bound]) -> None:
    assert judge(math.nan, of).state is State.UNKNOWN


@given(bound=limits().map(lambda limit: bounds([limit], [])[0]))
def test_the_bound_itself_is_within(bound: Bound) -> None:
    assert judge(bound.value, [bound]).state is State.OK


@given(bound=limits().map(lambda limit: bounds([], [limit])[0]), values=st.lists(numbers, min_size=1))
def test_a_limit_holds_only_if_every_value_crossed_it(bound: Bound, values: list[float]) -> None:
    verdict = judge(values[-1], [bound], held=lambda b: b.mildest(values))
    assert (verdict.state is State.CRITICAL) == all(bound.crossed_by(value) for value in values)


@given(values=st.lists(numbers, max_size=4), gaps=st.integers(0, 3))
def test_gaps_do_not_count_as_values(values: list[float], gaps: int) -> None:
    bound = bounds([Limit(above="1")], [])[0]
    with_gaps = [math.nan] * gaps + values
    held = bound.mildest(with_gaps)
    assert math.isnan(held) if not values else held == min(values)


@given(value=numbers, worse=numbers, of=sets)
def test_more_is_never_better_under_upper_limits(value: float, worse: float, of: list[Bound]) -> None:
    upper = [b for b in of if b.is_above]
    low, high = sorted([value, worse])
    assert judge(low, upper).state.rank <= judge(high, upper).state.rank


@given(value=numbers, of=sets)
def test_the_sentence_agrees_with_the_state(value: float, of: list[Bound]) -> None:
    verdict = judge(value, of)
    text = sentence("It", value, "count", verdict)
    assert ("beyond" in text) == (verdict.state is not State.OK)


@pytest.mark.parametrize(
    ("value", "state", "limit"),
    [
        (0.003, State.OK, "> 1 %"),
        (0.02, State.WARNING, "> 1 %"),
        (0.06, State.CRITICAL, "> 5 % for 5 min"),
        (math.nan, State.UNKNOWN, None),
    ],
)
def test_an_error_share(value: float, state: State, limit: str | None) -> None:
    of = bounds([Limit(above="1 %")], [Limit(above="5 %", for_minutes=5)])
    verdict = judge(value, of)
    assert (verdict.state, verdict.limit_text) == (state, limit)


def test_a_crossed_limit_that_has_not_held_is_said() -> None:
    of = bounds([], [Limit(above="5 %", for_minutes=5)])
    verdict = judge(0.06, of, held=lambda b: 0.01)
    assert verdict.state is State.OK
    assert sentence("Error share", 0.06, "ratio", verdict) == (
        "Error share is 6 %, beyond the limit > 5 % for 5 min but not yet for 5 min"
    )


def test_the_stricter_of_two_crossed_limits_is_named() -> None:
    of = bounds([Limit(above="10"), Limit(above="20")], [])
    assert judge(25, of).limit_value == 20
    assert longest_minutes(of) == 0
