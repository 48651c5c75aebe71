"""WAL segments by their names: timelines, gaps, and how far a base backup can be rolled forward.

Only names are read, so it is the same for a folder, for S3, and for pgBackRest's archive.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from upkeep.errors import BadAnswer

SEGMENT_BYTES = 16 * 1024 * 1024
"""PostgreSQL's segment size unless initdb was told another."""

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_FORK = re.compile(r"^\s*(\d+)\s+([0-9A-F]+/[0-9A-F]+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Segment:
    """A WAL segment. number: counted from the beginning of the WAL, whatever the timeline."""

    timeline: int
    number: int

    def name(self, size: int = SEGMENT_BYTES) -> str:
        """Return the file's name."""
        high, low = divmod(self.number, _per_log(size))
        return f"{self.timeline:08X}{high:08X}{low:08X}"


@dataclass(frozen=True)
class Fork:
    """Where a timeline was left: at this byte of the WAL its child goes on."""

    timeline: int
    lsn: int


@dataclass(frozen=True)
class Chain:
    """How far the WAL goes on without a gap. last: None where even the first is missing.

    missing: the names of the first gap, if anything is archived beyond it.
    """

    last: Segment | None
    missing: tuple[str, ...] = ()


def parse_segment(name: str, size: int = SEGMENT_BYTES) -> Segment | None:
    """Return the segment of a file name, None for other files (histories, labels, partial ones).

    >>> parse_segment("0000000200000001000000FF")
    Segment(timeline=2, number=511)
    """
    found = _NAME.fullmatch(name)
    if not found:
        return None
    timeline, high, low = (int(part, 16) for part in found.groups())
    return Segment(timeline, high * _per_log(size) + low)


def parse_lsn(text: str) -> int:
    """Return a position in the WAL in bytes.

    >>> parse_lsn("1/28")
    4294967336
    """
    high, slash, low = text.partition("/")
    try:
        return int(high, 16) * 2**32 + int(low if slash else "", 16)
    except ValueError as e:
        raise BadAnswer(f"{text!r} is no position in the WAL, such as 0/3000028") from e


def history_timeline(name: str) -> int | None:
    """Return the timeline whose history a file is, None for other files."""
    found = _HISTORY.fullmatch(name)
    return int(found[1], 16) if found else None


def read_history(text: str) -> tuple[Fork, ...]:
    """Return the timelines that a history file names, oldest first, and where each was left."""
    return tuple(Fork(int(number), parse_lsn(lsn)) for number, lsn in _FORK.findall(text))


def timeline_at(number: int, timeline: int, forks: Sequence[Fork], size: int = SEGMENT_BYTES) -> int:
    """Return whose file holds a segment on the way to a timeline.

    The segment in which a timeline was left is in the child's file too, as far as the parent had come.
    """
    return next((fork.timeline for fork in forks if number < fork.lsn // size), timeline)


def follow(
    start: int,
    timeline: int,
    forks: Sequence[Fork],
    archived: Collection[Segment],
    size: int = SEGMENT_BYTES,
) -> Chain:
    """Follow the WAL from a segment's number along the way to a timeline, as far as it is archived."""
    have = archived if isinstance(archived, set | frozenset) else set(archived)

    def there(number: int) -> bool:
        return Segment(timeline_at(number, timeline, forks, size), number) in have

    number = start
    while there(number):
        number += 1
    last = Segment(timeline_at(number - 1, timeline, forks, size), number - 1) if number > start else None
    beyond = [one.number for one in have if one.number > number and there(one.number)]
    gap = range(number, min(beyond)) if beyond else range(0)
    return Chain(last, tuple(Segment(timeline_at(one, timeline, forks, size), one).name(size) for one in gap))


def gaps(
    timeline: int,
    forks: Sequence[Fork],
    archived: Collection[Segment],
    size: int = SEGMENT_BYTES,
) -> list[str]:
    """Return the names of all segments that are missing between the first and the last of a way."""
    way = {one.number for one in archived if timeline_at(one.number, timeline, forks, size) == one.timeline}
    if not way:
        return []
    missing = sorted(set(range(min(way), max(way))) - way)
    return [Segment(timeline_at(one, timeline, forks, size), one).name(size) for one in missing]


def forks_of(timeline: int, histories: Mapping[int, Sequence[Fork]]) -> Sequence[Fork]:
    """Return where the ancestors of a timeline were left; a first timeline has none.

    Raises:
        BadAnswer: the history file of a later timeline is not archived.

    """
    if timeline == 1:
        return ()
    if timeline not in histories:
        raise BadAnswer(
            f"{timeline:08X}.history is not in the archive: where timeline {timeline} began is unknown; "
            "copy the file from pg_wal of the server"
        )
    return histories[timeline]


def _per_log(size: int) -> int:
    return int(2**32 // size)
