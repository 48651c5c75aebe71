"""Due times: on ordinary days, where clocks are put forward or back, and against Airflow's own timetable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.timetables.trigger import CronTriggerTimetable
from hypothesis import given, settings
from hypothesis import strategies as st

from upkeep.catalog.schedules import next_due, previous_due

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo"]
CHANGES = [
    datetime(2025, 3, 30, 1, tzinfo=UTC),  # Berlin forward
    datetime(2025, 10, 26, 1, tzinfo=UTC),  # Berlin back
    datetime(2025, 3, 9, 7, tzinfo=UTC),  # New York forward
    datetime(2025, 11, 2, 6, tzinfo=UTC),  # New York back
    datetime(2025, 10, 4, 16, tzinfo=UTC),  # Sydney forward
    datetime(2025, 4, 5, 16, tzinfo=UTC),  # Sydney back
]
moments = st.one_of(
    st.integers(1_550_000_000, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-3000, 3000),
    ),
)
minutes = st.one_of(st.integers(0, 59).map(str), st.sampled_from(["*/15", "0,30"]))
hours = st.one_of(st.integers(0, 23).map(str), st.sampled_from(["*", "*/2", "1-4", "2,14"]))
days = st.sampled_from(["* * *", "* * 1", "* * 1-5", "1 * *", "* * 6#1", "1 1,4,7,10 *", "15 * *", "L * *"])
zones = st.sampled_from(ZONES)


@st.composite
def crons(draw: st.DrawFn) -> str:
    hour = draw(hours)
    # Airflow counts an hourly schedule on in hours, so after days without a run it misses clock changes.
    return f"{draw(minutes)} {hour} {'* * *' if hour == '*' else draw(days)}"


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("0 9 * * *", "UTC", "2025-01-01T09:00+00:00", "2025-01-02T09:00+00:00"),
        ("0 9 * * *", "UTC", "2025-01-01T08:59:59+00:00", "2025-01-01T09:00+00:00"),
        ("0 9 * * *", "Europe/Berlin", "2025-03-29T09:00+00:00", "2025-03-30T07:00+00:00"),
        ("30 2 * * *", "Europe/Berlin", "2025-03-30T00:00+00:00", "2025-03-30T01:30+00:00"),
        ("30 2 * * *", "Europe/Berlin", "2025-03-30T01:10+00:00", "2025-03-30T01:30+00:00"),
        ("30 2 * * *", "Europe/Berlin", "2025-10-26T00:00+00:00", "2025-10-26T01:30+00:00"),
        ("30 * * * *", "Europe/Berlin", "2025-10-26T00:00+00:00", "2025-10-26T00:30+00:00"),
        ("30 * * * *", "Europe/Berlin", "2025-10-26T00:30+00:00", "2025-10-26T01:30+00:00"),
        ("0 6 * * 6#1", "UTC", "2025-01-04T06:00+00:00", "2025-02-01T06:00+00:00"),
    ],
)
def test_the_next_due_time(cron: str, zone: str, after: str, due: str) -> None:
    assert next_due(cron, zone, datetime.fromisoformat(after)) == datetime.fromisoformat(due)


def test_a_due_time_is_in_utc_whatever_zone_was_asked_in() -> None:
    asked = datetime(2025, 6, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert next_due("0 9 * * *", "Europe/Berlin", asked) == datetime(2025, 6, 1, 7, tzinfo=UTC)
    assert next_due("0 9 * * *", "Europe/Berlin", asked).tzinfo is UTC
    assert previous_due("0 9 * * *", "Europe/Berlin", asked) == datetime(2025, 5, 31, 7, tzinfo=UTC)


@given(crons(), zones, moments)
def test_next_and_previous_lie_on_their_sides_and_answer_each_other(
    cron: str, zone: str, at: datetime
) -> None:
    following, earlier = next_due(cron, zone, at), previous_due(cron, zone, at)
    assert earlier < at < following
    # At most one due time lies between the two: `at` itself.
    assert next_due(cron, zone, earlier) in (at, following)
    assert previous_due(cron, zone, following) in (at, earlier)


@given(crons(), zones, moments, st.integers(0, 100_000))
def test_later_questions_never_get_earlier_answers(cron: str, zone: str, at: datetime, seconds: int) -> None:
    later = at + timedelta(seconds=seconds)
    assert next_due(cron, zone, at) <= next_due(cron, zone, later)
    assert previous_due(cron, zone, at) <= previous_due(cron, zone, later)


@settings(max_examples=300)
@given(crons(), zones, moments)
def test_airflow_schedules_its_runs_at_the_same_times(cron: str, zone: str, at: datetime) -> None:
    timetable = CronTriggerTimetable(cron, timezone=zone)
    due = next_due(cron, zone, previous_due(cron, zone, at))
    for _ in range(6):
        following = next_due(cron, zone, due)
        if _just_put_forward(due, zone) and following - due < timedelta(hours=1):
            break  # of several due times in an hour that the clocks skip, Airflow keeps the first alone
        assert timetable._get_next(pendulum.instance(due)) == following
        due = following


def _just_put_forward(moment: datetime, zone: str) -> bool:
    there, before = (at.astimezone(ZoneInfo(zone)) for at in (moment, moment - timedelta(hours=1)))
    return (there.utcoffset() or timedelta()) > (before.utcoffset() or timedelta())


@given(crons(), st.sampled_from(["Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca"]), moments)
def test_clocks_that_change_by_other_than_an_hour(cron: str, zone: str, at: datetime) -> None:
    following, earlier = next_due(cron, zone, at), previous_due(cron, zone, at)
    assert earlier < at < following


@given(zones, moments)
def test_a_daily_time_comes_once_a_day(zone: str, at: datetime) -> None:
    due = next_due("30 2 * * *", zone, at)
    gap = next_due("30 2 * * *", zone, due) - due
    assert gap in {timedelta(hours=hours) for hours in (22, 23, 24, 25, 26)}
