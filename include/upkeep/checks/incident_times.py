"""How long incidents took: to be noticed, answered, recovered from. Pure functions; all times in seconds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from upkeep.checks.context import PastIncident

What = Literal["detection", "response", "recovery"]


@dataclass(frozen=True)
class Span:
    """From `begin` to `end`; where nothing ended it, it was open until `until`."""

    begin: datetime
    end: datetime | None
    until: datetime


@dataclass(frozen=True)
class Times:
    """seconds: sorted. waiting: how many are still within their target without an end, and not counted."""

    seconds: tuple[float, ...]
    waiting: int = 0

    @property
    def mean(self) -> float | None:
        """The arithmetic mean; of none, None."""
        return math.fsum(self.seconds) / len(self.seconds) if self.seconds else None

    @property
    def longest(self) -> float | None:
        """The longest; of none, None."""
        return self.seconds[-1] if self.seconds else None

    def within(self, share: float) -> float | None:
        """Return the time within which at least this share of them is: the nearest rank.

        >>> Times((1.0, 2.0, 3.0, 40.0)).within(0.5)
        2.0
        """
        if not self.seconds:
            return None
        return self.seconds[max(1, math.ceil(share * len(self.seconds) - 1e-9)) - 1]


def times(spans: Iterable[Span], target_seconds: float) -> Times:
    """Return how long the spans took.

    What has no end counts with the time so far once that is beyond the target: leaving it out would
    reward who never answers. Before that it is not known yet, and only counted as waiting.
    """
    seconds: list[float] = []
    waiting = 0
    for span in spans:
        took = max(0.0, ((span.end or span.until) - span.begin).total_seconds())
        if span.end is None and took <= target_seconds:
            waiting += 1
        else:
            seconds.append(took)
    return Times(tuple(sorted(seconds)), waiting)


def spans(incidents: Iterable[PastIncident], what: What, as_of: datetime) -> list[Span]:
    """Return the spans of the incidents: `began` to `opened`, to the answer from then, `began` to the end.

    What ended by itself before anybody answered was open, for an answer, until it ended.
    """
    found = []
    for one in incidents:
        over = one.resolved_at or as_of
        if what == "detection":
            found.append(Span(one.began_at, one.opened_at, over))
        elif what == "response":
            found.append(Span(one.opened_at, one.answered_at, over))
        else:
            found.append(Span(one.began_at, one.resolved_at, as_of))
    return found


def tier_spans(incidents: Iterable[PastIncident], owners: Collection[str], as_of: datetime) -> list[Span]:
    """Return from when one of the owners was first paged to the answer, whoever gave it.

    Who was paged after the answer has nothing more to answer, and is left out.
    """
    found = []
    for one in incidents:
        paged = min((at for owner, at in one.paged.items() if owner in owners), default=None)
        if paged is not None and (one.answered_at is None or paged <= one.answered_at):
            found.append(Span(paged, one.answered_at, one.resolved_at or as_of))
    return found
