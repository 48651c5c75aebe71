"""Which moment a run speaks of, where the time under review begins, and whether that is the present."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from upkeep.catalog.schedules import next_due, previous_due
from upkeep.errors import ConfigurationError

PRESENT_TOLERANCE = timedelta(minutes=5)
"""What is this close to now still speaks of the present: people type the current minute as `as_of`, and start
a run by hand just before the scheduled one is due."""


@dataclass(frozen=True)
class RunFacts:
    """What Airflow says of a run. All times with time zone; `as_of` is the parameter, if given."""

    run_type: str
    run_after: datetime
    interval_end: datetime | None
    as_of: datetime | None = None


@dataclass(frozen=True)
class Moment:
    """The time that a run speaks of.

    as_of: queries are made at this time. since: where the time under review begins, one interval of the
    schedule before. past: why the present must not be read, or None where it may.
    """

    as_of: datetime
    since: datetime
    past: str | None


def moment(run: RunFacts, cron: str, timezone: str, now: datetime) -> Moment:
    """Return the moment of a run of a routine with this schedule.

    `as_of` is the parameter if given, else the data interval's end, else `run_after`. Raises
    ConfigurationError where the parameter lies in the future.
    """
    if run.as_of and run.as_of > now:
        raise ConfigurationError(
            f"as_of {run.as_of.isoformat()} lies in the future; give a time before {now.isoformat()}"
        )
    as_of = (run.as_of or run.interval_end or run.run_after).astimezone(UTC)
    since = as_of - _interval(as_of, cron, timezone)
    return Moment(as_of, since, why_past(run, cron, timezone, now))


def why_past(run: RunFacts, cron: str, timezone: str, now: datetime) -> str | None:
    """Return why a run of a routine with this schedule must not speak of the present at `now`, or None.

    A run that does not may page nobody, whatever becomes of it.
    """
    rule = "the present is never recorded as the past"
    if run.run_type == "backfill":
        return f"reads the present, and this is a backfill: {rule}"
    if run.as_of and now - run.as_of > PRESENT_TOLERANCE:
        return f"reads the present, and this run was asked for {run.as_of.isoformat()}: {rule}"
    if not cron:
        return None
    asked_for = run.interval_end or run.run_after
    following = next_due(cron, timezone, asked_for)
    if not run.as_of and now >= following and now - asked_for > PRESENT_TOLERANCE:
        return f"reads the present, and the next run has been due since {following.isoformat()}: {rule}"
    return None


def _interval(as_of: datetime, cron: str, timezone: str) -> timedelta:
    """Return the length of the last whole interval: a scheduled run's own, and as much for a run by hand.

    A run by hand a minute after the scheduled one would otherwise review a minute. Without a schedule there
    is no interval.
    """
    if not cron:
        return timedelta()
    last = previous_due(cron, timezone, as_of + timedelta(microseconds=1))
    return last - previous_due(cron, timezone, last)
