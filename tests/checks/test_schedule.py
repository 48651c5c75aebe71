"""Slots: property tests over schedules, zones and moments, around clock changes too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from upkeep.checks.schedule import EARLY, dues_before, expected_slot, longest_gap
from upkeep.errors import ConfigurationError

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
START = datetime(2024, 1, 1, tzinfo=UTC)
CLOCK_CHANGES = [
    datetime(2025, 3, 30, 1, tzinfo=UTC),  # Berlin forward
    datetime(2025, 10, 26, 1, tzinfo=UTC),  # Berlin back
    datetime(2025, 3, 9, 7, tzinfo=UTC),  # New York forward
    datetime(2025, 11, 2, 6, tzinfo=UTC),  # New York back
    datetime(2025, 10, 4, 15, 30, tzinfo=UTC),  # Lord Howe forward by half an hour
]
anywhere = st.integers(0, 3 * 366 * 1440).map(lambda minutes: START + timedelta(minutes=minutes))
near_changes = st.builds(
    lambda at, m: at + timedelta(minutes=m), st.sampled_from(CLOCK_CHANGES), st.integers(-300, 300)
)
moments = anywhere | near_changes
crons = st.sampled_from(["0 * * * *", "*/15 * * * *", "30 2 * * *", "0 */6 * * *", "0 2 * * 0", "0 3 1 * *"])
graces = st.integers(1, 600).map(lambda minutes: timedelta(minutes=minutes))
zones = st.sampled_from(ZONES)


@settings(max_examples=150)
@given(cron=crons, zone=zones, at=moments, grace=graces)
def test_nothing_is_expected_before_its_grace_is_over(
    cron: str, zone: str, at: datetime, grace: timedelta
) -> None:
    slot = expected_slot(cron, zone, at, grace)
    assert slot.earliest < slot.due < slot.latest <= at


@settings(max_examples=50)
@given(cron=crons, zone=zones, at=moments, grace=graces)
def test_no_later_slot_is_overdue(cron: str, zone: str, at: datetime, grace: timedelta) -> None:
    slot = expected_slot(cron, zone, at, grace)
    later = [due for due in islice(dues_before(cron, zone, at), 45) if due > slot.due]
    assert all(due + grace > at for due in later)


@settings(max_examples=150)
@given(cron=crons, zone=zones, at=moments)
def test_dues_come_latest_first_and_read_as_scheduled_on_the_wall(cron: str, zone: str, at: datetime) -> None:
    dues = list(islice(dues_before(cron, zone, at), 4))
    assert at >= dues[0] > dues[1] > dues[2] > dues[3]
    minutes = {"0 * * * *": {0}, "*/15 * * * *": {0, 15, 30, 45}, "30 2 * * *": {30}}.get(cron, {0})
    # Lord Howe moves its clocks by half an hour, so a skipped time shows up half an hour later.
    allowed = minutes | ({(m + 30) % 60 for m in minutes} if "Lord" in zone else set())
    assert {due.astimezone(ZoneInfo(zone)).minute for due in dues} <= allowed


@pytest.mark.parametrize(
    ("at", "made", "counts"),
    [
        # 02:30 is skipped that night: jobs run at 03:00 or at 03:30 summer time, each counts
        ("2025-03-30T06:00:00+00:00", "2025-03-30T01:00:00+00:00", True),
        ("2025-03-30T06:00:00+00:00", "2025-03-30T01:30:00+00:00", True),
        # 02:30 comes twice that night: each counts
        ("2025-10-26T06:00:00+00:00", "2025-10-26T00:30:00+00:00", True),
        ("2025-10-26T06:00:00+00:00", "2025-10-26T01:30:00+00:00", True),
        # the night before never does
        ("2025-03-30T06:00:00+00:00", "2025-03-29T01:30:00+00:00", False),
        ("2025-10-26T06:00:00+00:00", "2025-10-25T00:30:00+00:00", False),
        # an ordinary night: an hour early is another job's
        ("2025-06-10T06:00:00+00:00", "2025-06-09T23:30:00+00:00", False),
        ("2025-06-10T06:00:00+00:00", "2025-06-10T00:26:00+00:00", True),
    ],
)
def test_what_counts_as_the_backup_of_half_past_two_in_berlin(at: str, made: str, counts: bool) -> None:
    slot = expected_slot("30 2 * * *", "Europe/Berlin", datetime.fromisoformat(at), timedelta(hours=1))
    assert (datetime.fromisoformat(made) >= slot.earliest) is counts


def test_within_the_grace_the_night_before_is_what_counts() -> None:
    grace = timedelta(minutes=60)
    before = expected_slot("0 3 * * *", "UTC", datetime(2026, 11, 21, 3, 59, tzinfo=UTC), grace)
    after = expected_slot("0 3 * * *", "UTC", datetime(2026, 11, 21, 4, 0, tzinfo=UTC), grace)
    assert before.due == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert after.due == datetime(2026, 11, 21, 3, tzinfo=UTC)
    assert after.earliest == after.due - EARLY


@pytest.mark.parametrize(
    ("cron", "gap"),
    [
        ("0 * * * *", timedelta(hours=1)),
        ("0 2 * * *", timedelta(days=1)),
        ("0 */6 * * *", timedelta(hours=6)),
        ("0 2 * * 0", timedelta(days=7)),
        ("0 2 * * 1-5", timedelta(days=3)),
        ("0 2 1 * *", timedelta(days=31)),
    ],
)
def test_the_longest_gap(cron: str, gap: timedelta) -> None:
    assert longest_gap(cron, datetime(2026, 11, 21, tzinfo=UTC)) == gap


@given(
    st.sampled_from(["0", "30", "0,20"]), st.sampled_from(["2", "*/6", "8-18"]), st.sets(st.integers(0, 6)),
    st.integers(0, 525_600),
)  # fmt: skip
def test_one_week_shows_the_gaps_of_a_schedule_that_is_the_same_each_week(
    minutes, hours, days, minute
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    cron = f"{minutes} {hours} * * {','.join(map(str, sorted(days))) or '*'}"
    wall = croniter(cron, at)
    dues = [at]
    while at - dues[-1] < timedelta(days=22):
        dues.append(wall.get_prev(datetime))
    gaps = [later - earlier for later, earlier in pairwise(dues[1:])]
    assert longest_gap(cron, at) == max(gaps)


def test_a_schedule_that_is_never_due_is_a_mistake_of_the_catalog() -> None:
    with pytest.raises(ConfigurationError, match="never due"):
        next(dues_before("0 0 30 2 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC)))
