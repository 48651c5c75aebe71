"""Which moment a run speaks of, and whether it may read the present."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.errors import ConfigurationError
from upkeep.runs.moment import RunFacts, moment

DAILY = "0 9 * * *"
DUE = datetime(2026, 3, 4, 9, tzinfo=UTC)

times = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001  the strategy wants naive bounds
    datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
crons = st.sampled_from([DAILY, "*/5 * * * *", "0 0 * * *", "0 9 * * 1-5", "0 2 * * 0", "0 6 1-7 * 6"])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


def scheduled(due: datetime = DUE) -> RunFacts:
    return RunFacts("scheduled", run_after=due, interval_end=due)


def test_a_scheduled_run_speaks_of_its_interval_end_and_reviews_since_the_run_before() -> None:
    found = moment(scheduled(), DAILY, "UTC", now=DUE + timedelta(seconds=3))

    assert found.as_of == DUE
    assert found.since == DUE - timedelta(days=1)
    assert found.past is None


def test_a_monday_run_of_a_weekday_routine_reviews_the_weekend() -> None:
    monday = datetime(2026, 3, 9, 9, tzinfo=UTC)

    found = moment(scheduled(monday), "0 9 * * 1-5", "UTC", now=monday)

    assert found.since == datetime(2026, 3, 6, 9, tzinfo=UTC)


def test_a_run_by_hand_reviews_as_long_a_time_as_the_scheduled_one() -> None:
    run = RunFacts("manual", run_after=DUE + timedelta(minutes=1), interval_end=None)

    found = moment(run, DAILY, "UTC", now=DUE + timedelta(minutes=1))

    assert found.as_of - found.since == timedelta(days=1)


def test_a_backfill_never_reads_the_present_even_of_today() -> None:
    run = RunFacts("backfill", run_after=DUE, interval_end=DUE)

    assert "backfill" in (moment(run, DAILY, "UTC", now=DUE).past or "")


def test_a_scheduled_run_cleared_after_the_next_was_due_does_not_read_the_present() -> None:
    just_before = moment(scheduled(), DAILY, "UTC", now=DUE + timedelta(hours=23, minutes=59))
    just_after = moment(scheduled(), DAILY, "UTC", now=DUE + timedelta(hours=24))

    assert just_before.past is None
    assert "2026-03-05T09:00:00+00:00" in (just_after.past or "")


def test_a_run_by_hand_just_before_the_next_is_due_reads_the_present_for_a_few_minutes() -> None:
    run = RunFacts("manual", run_after=DUE - timedelta(seconds=10), interval_end=None)

    assert moment(run, DAILY, "UTC", now=DUE + timedelta(minutes=4)).past is None
    assert moment(run, DAILY, "UTC", now=DUE + timedelta(minutes=6)).past is not None


def test_a_given_time_is_the_past_unless_it_is_about_now() -> None:
    run = RunFacts("manual", run_after=DUE, interval_end=None, as_of=DUE)

    assert moment(run, DAILY, "UTC", now=DUE + timedelta(minutes=4)).past is None
    assert moment(run, DAILY, "UTC", now=DUE + timedelta(minutes=6)).past is not None


def test_a_time_in_the_future_is_refused() -> None:
    run = RunFacts("manual", run_after=DUE, interval_end=None, as_of=DUE + timedelta(seconds=1))

    with pytest.raises(ConfigurationError, match="lies in the future"):
        moment(run, DAILY, "UTC", now=DUE)


@given(now=times, cron=crons, zone=zones, age=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_the_time_under_review_is_never_empty_and_never_ahead(
    now: datetime, cron: str, zone: str, age: timedelta
) -> None:
    run = RunFacts("manual", run_after=now, interval_end=None, as_of=now - age)

    found = moment(run, cron, zone, now)

    assert found.since < found.as_of <= now


@given(due=times, cron=crons, zone=zones)
def test_whatever_a_manual_run_is_it_speaks_of_when_it_was_asked_for(
    due: datetime, cron: str, zone: str
) -> None:
    found = moment(RunFacts("manual", run_after=due, interval_end=None), cron, zone, now=due)

    assert (found.as_of, found.past) == (due, None)
