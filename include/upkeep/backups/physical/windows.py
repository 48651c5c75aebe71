"""Which moments can be recovered to, from base backups and the archived WAL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from upkeep.backups.physical.segments import (
    SEGMENT_BYTES,
    Chain,
    Fork,
    Segment,
    follow,
    forks_of,
    timeline_at,
)
from upkeep.errors import BadAnswer, PermanentError


@dataclass(frozen=True)
class Base:
    """A base backup. start, stop: the first and last segment it needs. stop_lsn: where it is consistent.

    ended_at: from when on it can be recovered to.
    """

    name: str
    start: Segment
    stop: Segment
    stop_lsn: int
    ended_at: datetime


@dataclass(frozen=True)
class Archive:
    """What is archived: segments, and the histories of later timelines."""

    segments: frozenset[Segment]
    histories: Mapping[int, Sequence[Fork]]
    size: int = SEGMENT_BYTES

    @property
    def timelines(self) -> list[int]:
        """All timelines that have a segment, oldest first."""
        return sorted({one.timeline for one in self.segments})


@dataclass(frozen=True)
class Window:
    """The moments that one base backup reaches on one timeline, both ends included.

    latest: of the newest transaction in the WAL without a gap. last: the segment it ends with.
    missing: the gap that ends the window, empty where the archive simply ends.
    """

    base: str
    timeline: int
    earliest: datetime
    latest: datetime
    last: Segment
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        gap = f", where {_names(self.missing)} is missing" if self.missing else ""
        span = f"{self.earliest.isoformat()} to {self.latest.isoformat()}"
        return f"{span} on timeline {self.timeline} from {self.base}{gap}"


Newest = Callable[[Base, Sequence[Segment]], datetime | None]
"""Tells the moment of the newest transaction in segments that follow a base; None if there is none."""


def chain(base: Base, timeline: int, archive: Archive) -> Chain | None:
    """Return how far a base can be rolled forward to a timeline; None where it does not lead there."""
    forks = forks_of(timeline, archive.histories)
    if not _leads_to(base, timeline, forks):
        return None
    return follow(base.start.number, timeline, forks, archive.segments, archive.size)


def windows(
    bases: Collection[Base], archive: Archive, newest: Newest, timeline: int | None = None
) -> list[Window]:
    """Return the windows of a timeline (by default the newest), by their beginning.

    A base whose own WAL is not whole has none.
    """
    wanted = timeline if timeline is not None else max(archive.timelines, default=1)
    forks = forks_of(wanted, archive.histories)
    found = []
    for base in sorted(bases, key=lambda one: (one.ended_at, one.name)):
        way = chain(base, wanted, archive)
        if way is None or way.last is None or way.last.number < base.stop.number:
            continue
        numbers = range(base.start.number, way.last.number + 1)
        segments = [Segment(timeline_at(n, wanted, forks, archive.size), n) for n in numbers]
        latest = newest(base, segments)
        # Without a transaction since the base, the base is all that there is.
        end = max(latest or base.ended_at, base.ended_at)
        found.append(Window(base.name, wanted, base.ended_at, end, way.last, way.missing))
    return found


def choose(found: Sequence[Window], target: datetime) -> Window:
    """Return the window to recover from: of those that hold the target, the one of the newest base.

    Raises:
        PermanentError: the target is in none; the message tells which there are.

    """
    if target.tzinfo is None:
        raise PermanentError(f"{target.isoformat()} has no time zone: give one, such as +00:00")
    holding = [one for one in found if one.earliest <= target <= one.latest]
    if holding:
        return max(holding, key=lambda one: (one.earliest, one.base))
    reach = "; ".join(map(str, found)) or "nothing: no base backup has the WAL that it needs"
    raise PermanentError(f"{target.isoformat()} cannot be recovered to. What can: {reach}")


def own_gaps(base: Base, archive: Archive) -> tuple[str, ...]:
    """Return the names of the segments that a base itself needs and that are not archived."""
    try:
        forks = forks_of(base.stop.timeline, archive.histories)
    except BadAnswer:  # its history is not archived: a base seldom spans a fork
        forks = ()
    numbers = range(base.start.number, base.stop.number + 1)
    needed = [Segment(timeline_at(n, base.stop.timeline, forks, archive.size), n) for n in numbers]
    return tuple(one.name(archive.size) for one in needed if one not in archive.segments)


def _leads_to(base: Base, timeline: int, forks: Sequence[Fork]) -> bool:
    """Whether the timeline, or an ancestor before it was left, is the base's."""
    if base.stop.timeline == timeline:
        return True
    return any(fork.timeline == base.stop.timeline and base.stop_lsn <= fork.lsn for fork in forks)


def _names(missing: Sequence[str]) -> str:
    return missing[0] if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
