"""Gaps, timelines and windows, by the names of WAL segments alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.backups.physical.segments import (
    SEGMENT_BYTES,
    Fork,
    Segment,
    follow,
    gaps,
    parse_lsn,
    parse_segment,
    read_history,
    timeline_at,
)
from upkeep.backups.physical.windows import Archive, Base, choose, own_gaps, windows
from upkeep.errors import BadAnswer, PermanentError

DAY = datetime(2026, 11, 21, tzinfo=UTC)
SIZES = st.sampled_from([2**20 * 2**i for i in range(11)])
NUMBERS = st.integers(0, 5000)


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**31), SIZES)
def test_a_name_says_which_segment_it_is(timeline: int, number: int, size: int) -> None:
    name = Segment(timeline, number).name(size)
    assert len(name) == 24
    assert parse_segment(name, size) == Segment(timeline, number)


@given(st.integers(0, 2**40), SIZES)
def test_names_sort_as_the_wal_goes(number: int, size: int) -> None:
    number %= 2**63 // size // 2**12
    assert Segment(1, number).name(size) < Segment(1, number + 1).name(size) < Segment(2, 0).name(size)


@pytest.mark.parametrize(
    "name",
    ["00000002.history", "000000010000000000000003.00000028.backup", "000000010000000000000003.partial", ""],
)
def test_other_files_are_no_segments(name: str) -> None:
    assert parse_segment(name) is None


def test_a_history_file_is_read() -> None:
    text = "1\t0/5000158\tbefore 2026-11-21 02:00:00+00\n\n2\t1/A0\tno recovery target specified\n"
    assert read_history(text) == (Fork(1, 0x5000158), Fork(2, 2**32 + 0xA0))
    with pytest.raises(BadAnswer, match="no position in the WAL"):
        parse_lsn("12")


@st.composite
def ways(draw: st.DrawFn) -> tuple[int, list[Fork], list[Segment]]:
    """A timeline, where its ancestors were left, and all segments on the way to it from 0."""
    lengths = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    forks, at = [], 0
    for timeline, length in enumerate(lengths[:-1], 1):
        at += length
        forks.append(Fork(timeline, at * SEGMENT_BYTES + draw(st.integers(0, SEGMENT_BYTES - 1))))
    last = len(lengths)
    segments = [Segment(timeline_at(n, last, forks), n) for n in range(at + lengths[-1])]
    return last, forks, segments


@given(ways(), st.data())
def test_the_way_is_followed_to_the_first_gap(
    way: tuple[int, list[Fork], list[Segment]], data: st.DataObject
) -> None:
    timeline, forks, segments = way
    lost = data.draw(st.sets(st.sampled_from(segments)))
    start = data.draw(st.sampled_from(segments))
    have = [one for one in segments if one not in lost]
    # What parents wrote after they were left, and strangers, change nothing.
    strangers = {Segment(fork.timeline, fork.lsn // SEGMENT_BYTES + i) for fork in forks for i in range(3)}
    found = follow(start.number, timeline, forks, {*have, *strangers, Segment(99, start.number)})
    rest = segments[start.number :]
    whole = next((i for i, one in enumerate(rest) if one in lost), len(rest))
    assert found.last == (rest[whole - 1] if whole else None)
    beyond = next((i for i, one in enumerate(rest[whole:]) if one not in lost), None)
    assert list(found.missing) == [one.name() for one in rest[whole : whole + (beyond or 0)]]


@given(ways(), st.data())
def test_every_gap_is_named(way: tuple[int, list[Fork], list[Segment]], data: st.DataObject) -> None:
    timeline, forks, segments = way
    lost = data.draw(st.sets(st.sampled_from(segments)))
    have = [one for one in segments if one not in lost]
    inside = [one for one in lost if have and have[0].number < one.number < have[-1].number]
    assert gaps(timeline, forks, have) == [one.name() for one in sorted(inside, key=lambda s: s.number)]


def _base(number: int, length: int = 1, timeline: int = 1) -> Base:
    start, stop = Segment(timeline, number), Segment(timeline, number + length - 1)
    ended = DAY + timedelta(minutes=stop.number, seconds=30)
    return Base(f"b{number}", start, stop, stop.number * SEGMENT_BYTES + 100, ended)


def _newest(_: Base, segments: Sequence[Segment]) -> datetime:
    """Each segment holds a minute, with a transaction at its end."""
    return DAY + timedelta(minutes=segments[-1].number, seconds=59)


@given(st.sets(NUMBERS, max_size=60), st.sets(NUMBERS, max_size=5), st.integers(1, 3), NUMBERS)
def test_windows_hold_what_the_archive_holds(
    lost: set[int], starts: set[int], length: int, minute: int
) -> None:
    lost = {one % 100 for one in lost}
    bases = [_base(one % 90, length) for one in starts]
    archive = Archive(frozenset(Segment(1, n) for n in range(100) if n not in lost), {})
    found = windows(bases, archive, _newest)
    target = DAY + timedelta(minutes=minute % 110, seconds=45)
    # By hand: some base ended before the target, and every segment from its first to the target's is there.
    able = [
        base
        for base in bases
        if base.ended_at <= target
        and not any(n in lost or n >= 100 for n in range(base.start.number, minute % 110 + 1))
    ]
    if able:
        chosen = choose(found, target)
        assert chosen.base == max(able, key=lambda one: one.ended_at).name
        assert chosen.earliest <= target <= chosen.latest
    else:
        with pytest.raises(PermanentError, match="cannot be recovered to"):
            choose(found, target)
    whole = {base.name for base in bases if not own_gaps(base, archive)}
    assert {window.base for window in found} == whole
    for window in found:
        assert window.earliest <= window.latest
        assert not {parse_segment(name) for name in window.missing} & archive.segments


def test_a_base_after_the_fork_does_not_lead_to_the_new_timeline() -> None:
    history = {2: (Fork(1, 5 * SEGMENT_BYTES + 50),)}
    segments = frozenset({Segment(1, n) for n in range(9)} | {Segment(2, n) for n in range(5, 9)})
    archive = Archive(segments, history)
    early, late = _base(2), _base(6)
    assert [w.base for w in windows([early, late], archive, _newest)] == ["b2"]
    assert [w.base for w in windows([early, late], archive, _newest, timeline=1)] == ["b2", "b6"]
    on_the_new = _base(7, timeline=2)
    assert [w.base for w in windows([early, on_the_new], archive, _newest)] == ["b2", "b7"]
    assert [w.base for w in windows([on_the_new], archive, _newest, timeline=1)] == []


def test_a_target_without_a_time_zone_is_refused() -> None:
    with pytest.raises(PermanentError, match="has no time zone"):
        choose([], datetime(2026, 11, 21))  # noqa: DTZ001
