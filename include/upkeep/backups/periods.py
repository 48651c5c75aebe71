"""The hours, days, weeks and months of a time zone's wall clock for which something is kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from upkeep.catalog.models.backups import Keep


@dataclass(frozen=True)
class Period:
    """One frequency of a `Keep`. All its functions take local times.

    length: for how many days, weeks or months. slot: which hour, day, week or month a time lies in. age:
    how many days, weeks or months lie between a time and a later one. label: the slot's name.
    """

    name: str
    length: int
    slot: Callable[[datetime], Hashable]
    age: Callable[[datetime, datetime], int]
    label: Callable[[datetime], str]

    def covers(self, at: datetime, reference: datetime) -> bool:
        """Return whether what is of `at` is still kept at `reference`.

        Whole slots count, and the one at hand is not among them: what is kept 30 days is kept for no less.
        """
        return self.age(at, reference) <= self.length


def periods(keep: Keep) -> list[Period]:
    """Return the periods of a policy, the shortest first.

    An hour that the clocks show twice is two hours, told apart by their distance to UTC. Weeks are those of
    ISO 8601: they begin on Monday, and the days around New Year belong to the same week.
    """
    found = [
        (Period("hourly", keep.hourly_days or 0, _hour, _days, _hour_label), keep.hourly_days),
        (Period("daily", keep.daily_days or 0, datetime.toordinal, _days, _day_label), keep.daily_days),
        (Period("weekly", keep.weekly_weeks or 0, _week, _weeks, _week_label), keep.weekly_weeks),
        (Period("monthly", keep.monthly_months or 0, _month, _months, _month_label), keep.monthly_months),
    ]
    return [period for period, wanted in found if wanted is not None]


def _hour(at: datetime) -> Hashable:
    return at.toordinal(), at.hour, at.utcoffset()


def _week(at: datetime) -> int:
    """Return the ordinal of the week's Monday."""
    return at.toordinal() - at.weekday()


def _month(at: datetime) -> int:
    return at.year * 12 + at.month


def _days(at: datetime, later: datetime) -> int:
    return later.toordinal() - at.toordinal()


def _weeks(at: datetime, later: datetime) -> int:
    return (_week(later) - _week(at)) // 7


def _months(at: datetime, later: datetime) -> int:
    return _month(later) - _month(at)


def _hour_label(at: datetime) -> str:
    return at.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")


def _day_label(at: datetime) -> str:
    return at.date().isoformat()


def _week_label(at: datetime) -> str:
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02}"


def _month_label(at: datetime) -> str:
    return f"{at.year}-{at.month:02}"
