"""Maintenance windows: what begins within one is recorded, and pages when it is over and still open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from upkeep.catalog.schedules import previous_due

if TYPE_CHECKING:
    from upkeep.catalog.models.operations import Calendar, Window

_MOST_IN_A_ROW = 32
"""Windows that follow each other without a gap; more would be silence for ever by mistake."""


@dataclass(frozen=True)
class Cover:
    """The maintenance window that is open, and until when it and those that follow without a gap last."""

    title: str
    until: datetime


def covered(calendar: Calendar, now: datetime) -> Cover | None:
    """Return the maintenance window that is open now, or None.

    A window lasts its minutes from each due time, whatever the clocks do meanwhile. Whoever asks knows
    that a P0 is covered by none, and that an incident from before the window goes on paging within it.
    """
    found = _open(calendar, now)
    if found is None:
        return None
    title, until = found
    for _ in range(_MOST_IN_A_ROW):
        following = _open(calendar, until)
        if following is None:
            break
        until = following[1]
    return Cover(title, until)


def _open(calendar: Calendar, at: datetime) -> tuple[str, datetime] | None:
    """Return the title and the end of the window that is open at a time; of several the last to end."""
    found = [(_end(window, at), window.title) for window in calendar.windows.values()]
    until, title = max(found, default=(at, ""))
    return (title, until) if until > at else None


def _end(window: Window, at: datetime) -> datetime:
    begin = previous_due(window.schedule, window.timezone, at + timedelta(microseconds=1))
    return begin + timedelta(minutes=window.minutes)
