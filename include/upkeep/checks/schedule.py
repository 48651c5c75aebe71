"""When a backup or report was due, and what may count as it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from upkeep.catalog.schedules import previous_due
from upkeep.errors import ConfigurationError

EARLY = timedelta(minutes=5)
"""Clocks differ, and a job may be started a little before its time."""

_AROUND = timedelta(hours=3)
"""Wider than the time around a clock change in which a wall time can be skipped or shown twice."""

_WEEK = timedelta(days=7)
_MOST_DUES = 300


@dataclass(frozen=True)
class Slot:
    """One due time and what it means: between `earliest` and `latest` the thing must have come."""

    due: datetime
    earliest: datetime
    latest: datetime


def dues_before(cron: str, zone: str, at: datetime) -> Iterator[datetime]:
    """Yield the due times of `cron` in `zone` that are not after `at`, latest first, in UTC.

    Raises ConfigurationError if the schedule is never due.
    """
    moment = at + timedelta(microseconds=1)
    while True:
        try:
            moment = previous_due(cron, zone, moment)
        except CroniterBadDateError as e:
            raise ConfigurationError(f"the schedule {cron!r} is never due; correct it in the catalog") from e
        yield moment


def expected_slot(cron: str, zone: str, at: datetime, grace: timedelta) -> Slot:
    """Return the last slot whose grace is over at `at`: what it asks for must be there."""
    due = next(dues_before(cron, zone, at - grace))
    # Schedulers differ in when they run a time that the clocks skip or show twice: each is accepted.
    change = abs(_offset(due + _AROUND, zone) - _offset(due - _AROUND, zone))
    return Slot(due, due - EARLY - change, due + grace)


def longest_gap(cron: str, at: datetime) -> timedelta:
    """Return the longest time between two of the last 300 dues before `at`, clock changes left aside.

    A schedule that names no day of a month and no month repeats itself each week: one is enough. Raises
    ConfigurationError if the schedule is never due.
    """
    wall = croniter(cron, at.astimezone(UTC).replace(tzinfo=None))
    enough = _WEEK if wall.expressions[2:4] == ["*", "*"] else timedelta.max
    dues: list[datetime] = []
    try:
        while len(dues) < _MOST_DUES and not (dues and dues[0] - dues[-1] >= enough):
            dues.append(wall.get_prev(datetime))
    except CroniterBadDateError as e:
        raise ConfigurationError(f"the schedule {cron!r} is due too seldom to plan with") from e
    return max(later - earlier for later, earlier in pairwise(dues))


def _offset(moment: datetime, zone: str) -> timedelta:
    return moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
