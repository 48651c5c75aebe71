"""Limits: which of them a value has crossed, and how that reads.

Pure functions. The value that counts for a limit with `for_minutes` is the *held* value: the mildest one
seen in that time. It crosses the limit only if every value seen did.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from upkeep.catalog.models import Limit
from upkeep.findings import State
from upkeep.findings.units import format_against, format_value, parse_quantity


@dataclass(frozen=True)
class Bound:
    """A limit, the state of crossing it, and its number in the metric's base unit."""

    state: State
    limit: Limit
    value: float

    @property
    def is_above(self) -> bool:
        """True where larger values are worse."""
        return self.limit.above is not None

    def crossed_by(self, value: float) -> bool:
        """True if `value` is beyond the bound; the bound itself is still within."""
        return value > self.value if self.is_above else value < self.value

    def mildest(self, values: Sequence[float]) -> float:
        """Return the held value of `values` seen while the limit must hold; NaN counts as not seen.

        NaN if nothing was seen.
        """
        seen = [value for value in values if not math.isnan(value)]
        if not seen:
            return math.nan
        return min(seen) if self.is_above else max(seen)


@dataclass(frozen=True)
class Verdict:
    """What a value means: its state, and the bound that decides, or the nearest one if none is crossed.

    Unknown, with no bound, if the value is not a number.
    """

    state: State
    bound: Bound | None
    held: float

    @property
    def limit_text(self) -> str | None:
        """The limit as a person reads it."""
        return self.bound.limit.text if self.bound else None

    @property
    def limit_value(self) -> float | None:
        """The limit's number in the metric's unit."""
        return self.bound.value if self.bound else None


def bounds(warning: Sequence[Limit], critical: Sequence[Limit]) -> list[Bound]:
    """Return the limits with their states and numbers, critical ones first."""
    pairs = [(State.CRITICAL, limit) for limit in critical] + [(State.WARNING, limit) for limit in warning]
    return [Bound(state, limit, _number(limit)) for state, limit in pairs]


def longest_minutes(of: Sequence[Bound]) -> float:
    """Return the longest time that any of the limits must hold; 0 if all count at once."""
    return max((bound.limit.for_minutes for bound in of), default=0.0)


def judge(value: float, of: Sequence[Bound], held: Callable[[Bound], float] | None = None) -> Verdict:
    """Return what `value` means under the bounds.

    `held` tells the held value for a bound; by default the value itself. The worst crossed bound decides,
    among equals the one furthest crossed in strictness. A held value that is not a number crosses nothing.
    """
    if math.isnan(value):
        return Verdict(State.UNKNOWN, None, value)
    held_of = {id(bound): held(bound) if held else value for bound in of}
    crossed = [bound for bound in of if bound.crossed_by(held_of[id(bound)])]
    if crossed:
        decides = max(crossed, key=lambda b: (b.state.rank, _strictness(b)))
        return Verdict(decides.state, decides, held_of[id(decides)])
    nearest = min(of, key=lambda b: (abs(b.value - value), -b.state.rank), default=None)
    return Verdict(State.OK, nearest, held_of[id(nearest)] if nearest else value)


def sentence(title: str, value: float, unit: str, verdict: Verdict) -> str:
    """Return one sentence for a person, such as `Error share is 2.1 %, limit > 1 % for 5 min`."""
    if verdict.bound is None:
        return f"{title} is {format_value(value, unit)}"
    written = format_against(value, verdict.bound.value, unit)
    if verdict.state is not State.OK:
        return f"{title} is {written}, beyond the {verdict.state} limit {verdict.limit_text}"
    if verdict.bound.crossed_by(value):
        minutes = f"{verdict.bound.limit.for_minutes:g} min"
        return f"{title} is {written}, beyond the limit {verdict.limit_text} but not yet for {minutes}"
    return f"{title} is {written}, within the limit {verdict.limit_text}"


def _number(limit: Limit) -> float:
    text = limit.above if limit.above is not None else limit.below
    return parse_quantity(text or "").value


def _strictness(bound: Bound) -> float:
    """Order bounds of one state: the one that takes the worse value to cross is the stricter news."""
    return bound.value if bound.is_above else -bound.value
