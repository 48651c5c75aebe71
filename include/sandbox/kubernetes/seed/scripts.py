"""What applications write to their logs: steady chatter, a few errors, and nightly reports.

A script is a function of the pod and the time alone: the same lines come at every reading.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.kubernetes.clock import stamp
from sandbox.kubernetes.logs import Line, Script
from sandbox.kubernetes.objects import Object

_SLOT_SECONDS = 1800


@dataclass(frozen=True)
class Pattern:
    """A kind of line. text: with {ms}, {id}, {n}, {share} for what varies. per_day: how often, per pod."""

    text: str
    per_day: float


def chatter(*patterns: Pattern) -> Script:
    """Return the script that writes lines of these patterns at random times."""

    def script(pod: Object, since: datetime, until: datetime) -> Iterator[Line]:
        first, last = (int(moment.timestamp()) // _SLOT_SECONDS for moment in (since, until))
        name = zlib.crc32(pod["metadata"]["name"].encode())
        for slot in range(first, last + 1):
            lines = sorted(_slot_lines(patterns, slot, name))
            yield from (line for line in lines if since <= line[0] < until)

    return script


def _slot_lines(patterns: tuple[Pattern, ...], slot: int, name: int) -> Iterator[Line]:
    """Yield the lines of half an hour; a pod starts each pattern's even rhythm at a time of its own."""
    dice = random.Random(name * 1_000_003 + slot)
    start = datetime.fromtimestamp(slot * _SLOT_SECONDS, UTC)
    for number, pattern in enumerate(patterns):
        rate, phase = pattern.per_day * _SLOT_SECONDS / 86_400, (name + 97 * number) % 101 / 101
        for _ in range(int(rate * (slot + 1) + phase) - int(rate * slot + phase)):
            moment = start + timedelta(seconds=dice.random() * _SLOT_SECONDS)
            text = pattern.text.format(
                ms=round(dice.lognormvariate(3.8, 0.5), 1),
                id=f"{dice.getrandbits(32):08x}",
                n=dice.randint(1, 40),
                share=round(dice.uniform(0.91, 0.98), 3),
            )
            yield moment, f"{stamp(moment)} {text}"


def nightly(hour: int, minute: int, lines: Callable[[datetime], list[str]]) -> Script:
    """Return the script that writes `lines(midnight of the day)` every day at a time (UTC)."""

    def script(_: Object, since: datetime, until: datetime) -> Iterator[Line]:
        midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
        while midnight < until:
            start = midnight + timedelta(hours=hour, minutes=minute)
            for number, text in enumerate(lines(midnight)):
                moment = start + timedelta(seconds=3 * number + 1)
                if since <= moment < until:
                    yield moment, f"{stamp(moment)} {text}"
            midnight += timedelta(days=1)

    return script


def at_start(lines: Callable[[Object], list[str]]) -> Script:
    """Return the script that writes lines as the container starts: a job's output."""

    def script(pod: Object, since: datetime, _: datetime) -> Iterator[Line]:
        started = pod["status"]["startTime"]
        if stamp(since) == started:
            yield from ((since, f"{started} {text}") for text in lines(pod))

    return script


def together(*scripts: Script) -> Script:
    """Return the script that writes what all of them write."""

    def script(pod: Object, since: datetime, until: datetime) -> list[Line]:
        return sorted(line for one in scripts for line in one(pod, since, until))

    return script
