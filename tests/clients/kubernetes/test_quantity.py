"""Kubernetes quantities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.clients.kubernetes.quantity import quantity
from upkeep.clients.kubernetes.reading import duration
from upkeep.errors import BadAnswer

FACTORS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip


@given(st.decimals(-(10**6), 10**6, places=3), st.sampled_from(list(FACTORS)))
def test_a_number_with_a_suffix_is_their_product(number, suffix):
    assert quantity(f"{number:f}{suffix}") == pytest.approx(float(number) * FACTORS[suffix])


@given(st.integers(-(10**6), 10**6), st.integers(-20, 20), st.sampled_from("eE"))
def test_a_number_with_an_exponent(number, exponent, letter):
    assert quantity(f"{number}{letter}{exponent}") == pytest.approx(number * 10.0**exponent)


@given(st.integers(0, 2**60) | st.floats(0, 1e15))
def test_a_plain_number(number):
    assert quantity(number) == pytest.approx(float(number))


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("2Gi", 2**31), ("1e3", 1000), ("100n", 1e-7), ("1E", 1e18), (".5", 0.5), ("1.", 1)],
)
def test_as_the_api_writes_them(text, value):
    assert quantity(text) == value


@pytest.mark.parametrize(
    "text", ["", "m", "1x", "1 Gi", "1gi", "Gi1", "--1", "1e", "٣", "9" * 65, None, True, [], "nan"]
)
def test_garbage_is_a_bad_answer(text):
    with pytest.raises(BadAnswer):
        quantity(text)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_a_bad_answer(text):
    try:
        value = quantity(text)
    except BadAnswer:
        return
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m30.5s", 90.5), ("2h", 7200), ("", 0), ("1m0s", 60)]
)
def test_durations_as_go_writes_them(text, seconds):
    assert duration(text).total_seconds() == seconds


def test_a_bad_duration():
    with pytest.raises(BadAnswer):
        duration("soon")
