"""Backups and rules as hypothesis makes them up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from upkeep.backups.model import Level
from upkeep.backups.retention import Candidate, Rules
from upkeep.catalog.models.backups import Keep

ELSEWHERE = "of another policy"
"""The name of a backup that needs one of these and is not among them."""

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
# A leap day, clock changes, and the ends of ISO years of 52 and 53 weeks lie in the first two years.
START = datetime(2026, 9, 1, tzinfo=UTC)
BEGINNINGS = [START, datetime(2023, 12, 15, tzinfo=UTC), datetime(2024, 2, 20, tzinfo=UTC)]

few = st.one_of(st.none(), st.integers(1, 9))
keeps = st.builds(Keep, hourly_days=few, daily_days=few, weekly_weeks=few, monthly_months=few)
some_keeps = keeps.filter(lambda keep: keep.model_dump(exclude_none=True))
rules = st.builds(Rules, some_keeps, st.sampled_from(ZONES), st.sampled_from(list(Level)))


@st.composite
def histories(draw: st.DrawFn, most: int = 60) -> list[Candidate]:
    """Return backups over some months, at irregular times, a few of them bad or held."""
    begin = draw(st.sampled_from(BEGINNINGS))
    minutes = draw(st.lists(st.integers(0, 60 * 24 * 150), max_size=most, unique=True))
    flag = st.integers(0, 9).map(lambda n: n == 0)
    later = st.sampled_from([*(f"b{number}" for number in range(len(minutes))), ELSEWHERE])
    return [
        Candidate(
            name=f"b{number}",
            made_at=begin + timedelta(minutes=at),
            level=draw(st.sampled_from(Level)),
            held=draw(flag),
            complete=not draw(flag),
            broken=draw(flag),
            needed_by=tuple(draw(st.lists(later, max_size=3))) if draw(flag) else (),
        )
        for number, at in enumerate(minutes)
    ]
