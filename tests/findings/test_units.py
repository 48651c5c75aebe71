"""Quantities: read, written, read back."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from upkeep.findings import units
from upkeep.findings.units import (
    Quantity,
    Unit,
    format_against,
    format_quantity,
    format_value,
    parse_quantity,
)

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(units).failed == 0


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1 %", 0.01, Unit.RATIO),
        ("0.1%", 0.001, Unit.RATIO),
        ("99.95 %", 0.9995, Unit.RATIO),
        ("500 ms", 0.5, Unit.SECONDS),
        ("5 min", 300, Unit.SECONDS),
        ("30 d", 2_592_000, Unit.SECONDS),
        ("2 w", 1_209_600, Unit.SECONDS),
        ("10 GiB", 10 * 2**30, Unit.BYTES),
        ("128Mi", 128 * 2**20, Unit.BYTES),
        ("20 GB", 20e9, Unit.BYTES),
        ("100m", 0.1, Unit.CORES),
        ("2 cores", 2, Unit.CORES),
        ("1,000 req/s", 1000, Unit.REQUESTS_PER_SECOND),
        ("1.5 MiB/s", 1.5 * 2**20, Unit.BYTES_PER_SECOND),
        ("10 /s", 10, Unit.PER_SECOND),
        ("12.50 USD", 12.5, Unit.USD),
        ("100,000", 100_000, Unit.COUNT),
        ("-5 %", -0.05, Unit.RATIO),
    ],
)
def test_reads_what_people_write(text: str, value: float, unit: Unit) -> None:
    assert parse_quantity(text) == Quantity(value, unit)


@pytest.mark.parametrize(
    ("text", "expected", "message"),
    [
        ("", None, "a number and a unit are needed"),
        ("many", Unit.RATIO, "for example 1 %"),
        ("1,00 %", None, "not known"),
        ("5 minutes", Unit.SECONDS, "for example 500 ms"),
        ("5 gib", None, "did you mean 'GiB'"),
        ("500 MS", Unit.SECONDS, "did you mean 'ms'"),
        ("5m", Unit.SECONDS, "write '5 min'"),
        ("0.01", Unit.RATIO, "write '1 %' or '0.01 %'"),
        ("5", Unit.SECONDS, "has no unit: seconds are needed"),
        ("5 GiB", Unit.SECONDS, "is in bytes, but seconds is needed"),
        ("1e999 s", None, "too large"),
        ("nan s", None, "no quantity"),
    ],
)
def test_says_what_would_be_right(text: str, expected: Unit | None, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        parse_quantity(text, expected)
    assert message in str(caught.value)


@given(finite.filter(lambda v: abs(v) < 1e300), st.sampled_from(Unit))
def test_what_is_written_exactly_is_read_back_the_same(value: float, unit: Unit) -> None:
    text = format_quantity(Quantity(value, unit))
    assert parse_quantity(text, unit).value == value, text


@example(-0.125, Unit.USD)
@given(st.floats(1e-9, 1e18) | st.floats(-1e18, -1e-9), st.sampled_from(Unit))
def test_what_is_written_for_people_means_the_same_within_a_percent(value: float, unit: Unit) -> None:
    text = format_value(value, unit)
    assert math.isclose(parse_quantity(text, unit).value, value, rel_tol=0.01), text


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_is_never_rounded_to_all_or_nothing(share: float) -> None:
    assert format_value(share, "ratio") not in ("100 %", "0 %")


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_value_beside_its_limit_never_looks_equal_to_it(value: float, limit: float) -> None:
    if not math.isclose(value, limit, rel_tol=1e-9, abs_tol=1e-300):
        assert format_against(value, limit, "seconds") != format_value(limit, "seconds")


@given(st.text())
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    try:
        quantity = parse_quantity(text)
    except ValueError:
        return
    assert math.isfinite(quantity.value)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_no_number_is_no_data_and_not_zero(value: float | None) -> None:
    assert format_value(value, "count") == "no data"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "seconds", "0 s"),
        (0.0, "bytes", "0 B"),
        (0.0123, "ratio", "1.23 %"),
        (0.9999999, "ratio", "99.99999 %"),
        (2**20 - 1, "bytes", "1 MiB"),
        (86_400 * 29.6, "seconds", "29.6 d"),
        (0.000_25, "seconds", "250 µs"),
        (1, "cores", "1 core"),
        (1234.5, "usd", "1,234.50 USD"),
        (0.0004, "usd", "0.0004 USD"),
        (3, "pods", "3 pods"),
        (3, None, "3"),
    ],
)
def test_writes_as_people_read(value: float, unit: str | None, text: str) -> None:
    assert format_value(value, unit) == text
