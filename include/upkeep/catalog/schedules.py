"""When a routine is due: cron on the wall clock of a time zone, as Airflow's scheduler reads it.

A time that the clocks skip is due as much later as they were put forward (02:30 becomes 03:30). A time
that they show twice is due once, the second time, unless the schedule is due in every hour: then both
times count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

_LARGEST_CLOCK_CHANGE = timedelta(hours=3)
"""Wider than any zone puts its clocks forward or back for summer time."""


def next_due(cron: str, tz: str, after: datetime) -> datetime:
    """Return the first due time later than `after`, in UTC. `after` has a time zone."""
    zone, moment = ZoneInfo(tz), after.astimezone(UTC)
    wall = _wall_clock(moment, zone)
    schedule = croniter(cron, wall - _LARGEST_CLOCK_CHANGE)
    best: datetime | None = None
    while True:
        shown: datetime = schedule.get_next(datetime)
        # Past a clock change a later wall time can be an earlier moment: look on until none can overtake.
        if best is not None and shown > _wall_clock(best, zone) + _LARGEST_CLOCK_CHANGE:
            return best
        later = [due for due in _moments(schedule, shown, zone) if due > moment]
        best = min([*later, best] if best else later, default=None)


def previous_due(cron: str, tz: str, before: datetime) -> datetime:
    """Return the last due time earlier than `before`, in UTC. `before` has a time zone."""
    zone, moment = ZoneInfo(tz), before.astimezone(UTC)
    wall = _wall_clock(moment, zone)
    schedule = croniter(cron, wall + _LARGEST_CLOCK_CHANGE)
    best: datetime | None = None
    while True:
        shown: datetime = schedule.get_prev(datetime)
        if best is not None and shown < _wall_clock(best, zone) - _LARGEST_CLOCK_CHANGE:
            return best
        earlier = [due for due in _moments(schedule, shown, zone) if due < moment]
        best = max([*earlier, best] if best else earlier, default=None)


def _wall_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _moments(schedule: croniter, shown: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moments at which a wall time that the schedule names is due."""
    first, second = (shown.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    if after > before:  # skipped: read with the offset before the change, it is that much later
        yield first.astimezone(UTC)
        return
    yield second.astimezone(UTC)
    if before > after and schedule.expanded[1] == ["*"]:
        yield first.astimezone(UTC)
