from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.prometheus.shapes import DAY, MONTH, Shape

ANCHOR = 1_795_219_200.0
offsets = st.floats(min_value=-95, max_value=30).map(lambda days: ANCHOR + days * DAY)
shapes = st.builds(
    Shape,
    anchor=st.just(ANCHOR),
    monthly_growth=st.sampled_from([0.0, 0.05, 0.10, 0.15]),
    daily=st.floats(0, 0.5),
    weekly=st.floats(0, 0.1),
    peak_hour=st.floats(0, 24),
    noise=st.sampled_from([0.0, 1.0, 4.0]),
    phase=st.floats(0, 6),
)


@given(shapes, offsets)
def test_a_rate_is_positive(shape, t):
    assert shape.rates([t])[0] > 0


@given(shapes, offsets)
def test_the_integral_grows_by_the_rate(shape, t):
    """A counter's increase over 4 s is the rate in its middle times 4 s."""
    before, after = shape.integrals([t, t + 4])
    assert after - before == pytest.approx(4 * shape.rates([t + 2])[0], rel=1e-4)


@given(shapes)
def test_counters_begin_at_zero(shape):
    assert shape.integrals([ANCHOR - 100 * DAY])[0] == pytest.approx(0, abs=1e-3)


@given(shapes, offsets)
def test_the_same_question_has_the_same_answer(shape, t):
    assert shape.integrals([t]) == shape.integrals([t, t + 60])[:1]


def test_a_month_grows_by_its_rate():
    shape = Shape(ANCHOR, 0.15, daily=0, weekly=0, noise=0)
    first, second = shape.rates([ANCHOR, ANCHOR + MONTH])
    assert second / first == pytest.approx(1.15)


def test_the_peak_is_where_it_is_said_to_be():
    shape = Shape(ANCHOR, peak_hour=18, weekly=0, noise=0)
    hours = shape.rates([ANCHOR + hour * 3600 for hour in range(24)])
    assert hours.index(max(hours)) == 18
