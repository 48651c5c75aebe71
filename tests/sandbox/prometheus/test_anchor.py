"""Whenever the sandbox starts, the incidents of its past are past."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.prometheus.configuration import anchor_of
from sandbox.prometheus.incidents import INCIDENTS
from sandbox.prometheus.shapes import DAY


@given(st.integers(1_600_000_000, 2_600_000_000))
def test_no_incident_is_still_to_come(now: int) -> None:
    anchor = anchor_of(float(now))
    assert anchor % DAY == 0
    assert 0 < now - anchor < 2 * DAY
    for incident in INCIDENTS:
        assert incident.start(anchor) < now
        assert incident.minutes is None or incident.start(anchor) + incident.minutes * 60 <= now
