"""Maintenance windows: when one is open, and until when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from upkeep.catalog.models.operations import Calendar
from upkeep.incidents.windows import covered

# The first of March 2026 is a Sunday.
SUNDAY = datetime(2026, 3, 1, 2, tzinfo=UTC)
WEEKLY = {"title": "Weekly tasks", "schedule": "0 2 * * 0", "minutes": 120}


def calendar(**windows: object) -> Calendar:
    return Calendar.model_validate({"windows": windows})


def test_a_window_covers_its_minutes() -> None:
    of = calendar(weekly=WEEKLY)

    assert covered(of, SUNDAY - timedelta(seconds=1)) is None
    assert covered(of, SUNDAY + timedelta(minutes=120)) is None
    for minutes in (0, 60, 119):
        cover = covered(of, SUNDAY + timedelta(minutes=minutes))
        assert cover is not None
        assert (cover.title, cover.until) == ("Weekly tasks", SUNDAY + timedelta(hours=2))


def test_windows_that_follow_each_other_are_one_silence() -> None:
    of = calendar(weekly=WEEKLY, more=WEEKLY | {"title": "More", "schedule": "0 4 * * 0", "minutes": 30})

    cover = covered(of, SUNDAY)
    assert cover is not None
    assert (cover.title, cover.until) == ("Weekly tasks", SUNDAY + timedelta(minutes=150))


def test_the_window_is_on_the_wall_clock_of_its_zone() -> None:
    of = calendar(weekly=WEEKLY | {"timezone": "Asia/Kolkata"})

    assert covered(of, SUNDAY) is None
    assert covered(of, SUNDAY - timedelta(hours=5, minutes=30)) is not None


def test_a_window_without_an_end_is_no_silence_for_ever() -> None:
    of = calendar(always=WEEKLY | {"schedule": "0 * * * *", "minutes": 60})

    cover = covered(of, SUNDAY)
    assert cover is not None
    assert cover.until <= SUNDAY + timedelta(days=2)


def test_no_window_covers_nothing() -> None:
    assert covered(Calendar(), SUNDAY) is None


@given(st.integers(-525_600, 525_600))
def test_the_end_of_the_silence_lies_ahead_and_is_covered_no_more(minutes: int) -> None:
    at = SUNDAY + timedelta(minutes=minutes)
    of = calendar(
        weekly=WEEKLY | {"timezone": "Europe/Berlin"},
        nightly=WEEKLY | {"schedule": "30 1 * * *", "minutes": 45, "timezone": "Europe/Berlin"},
    )

    cover = covered(of, at)
    if cover:
        assert at < cover.until <= at + timedelta(minutes=225)
        assert covered(of, cover.until) is None
