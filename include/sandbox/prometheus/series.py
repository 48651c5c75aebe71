"""Series: what is exposed live and what the history holds, computed by the same functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.prometheus.shapes import DAY, Shape

Labels = Mapping[str, str]
Moves = Callable[[Shape, bool], Sequence[float]]
"""What a shape does at some moments: its integrals (True, for a counter) or its rates (False)."""


@dataclass(frozen=True)
class Bump:
    """A change of a series between two moments.

    A counter grows by `per_second` more, and by `jump` at once at the start; what it gained stays. A
    gauge has `value` instead of its own. `end` is none while it goes on.
    """

    start: float
    end: float | None = None
    per_second: float = 0.0
    jump: float = 0.0
    value: float | None = None

    def gained(self, t: float) -> float:
        """Return what a counter gained by `t`."""
        if t < self.start:
            return 0.0
        until = t if self.end is None else min(t, self.end)
        return self.jump + self.per_second * (until - self.start)

    def holds(self, t: float) -> bool:
        """Return whether a gauge is changed at `t`."""
        return self.start <= t and (self.end is None or t < self.end)


@dataclass(frozen=True)
class Series:
    """One series. `labels` hold all labels, `job` included.

    from_app: scraped from the application itself, whose `up` says whether it answers.
    frequent: queried by `rate(…[5m])`, which needs two samples in any 5 minutes.
    """

    name: str
    labels: Labels
    shape: Shape
    scale: float
    """A counter's growth a second, a gauge's value, at a rate of 1."""
    load: Shape | None = None
    """What load adds to a counter, at `load_scale`."""
    load_scale: float = 0.0
    amplitude: float = 1.0
    """How much of the shape's movement a gauge shows."""
    trend_per_day: float = 0.0
    """What a gauge gains a day, as a share of `scale`."""
    counter: bool = True
    whole: bool = True
    from_app: bool = False
    frequent: bool = True
    bumps: Sequence[Bump] = field(default=())

    def values(self, times: Sequence[float], moves: Moves | None = None) -> list[float]:
        """Return the values at `times`; `moves` may remember what shapes do at those times."""
        moves = moves or moves_at(times)
        scale, main = self.scale, moves(self.shape, self.counter)
        if not self.counter:
            a, trend, anchor = self.amplitude, self.trend_per_day / DAY, self.shape.anchor
            values = [
                scale * (1 + a * (move - 1) + trend * (t - anchor))
                for t, move in zip(times, main, strict=True)
            ]
        elif self.load is None:
            values = [scale * move for move in main]
        else:
            more = self.load_scale
            values = [scale * a + more * b for a, b in zip(main, moves(self.load, True), strict=True)]
        for bump in self.bumps:
            values = self._bumped(values, times, bump)
        return [float(int(value)) for value in values] if self.whole else values

    def _bumped(self, values: list[float], times: Sequence[float], bump: Bump) -> list[float]:
        if times[-1] < bump.start:
            return values
        if self.counter:
            return [value + bump.gained(t) for value, t in zip(values, times, strict=True)]
        if bump.value is None:
            return values
        changed = bump.value
        return [changed if bump.holds(t) else value for value, t in zip(values, times, strict=True)]

    def at(self, t: float) -> float:
        """Return the value at one moment."""
        return self.values([t])[0]

    def matches(self, name: str, labels: Labels) -> bool:
        """Return whether the series has this name and these labels, among others."""
        return self.name == name and all(self.labels.get(key) == value for key, value in labels.items())

    def text(self, *, without: Sequence[str] = ()) -> str:
        """Return `name{label="value",…}`."""
        pairs = ",".join(f'{key}="{value}"' for key, value in self.labels.items() if key not in without)
        return f"{self.name}{{{pairs}}}"


def moves_at(times: Sequence[float]) -> Moves:
    """Return a look-up of what shapes do at `times`; each shape is computed once."""
    known: dict[tuple[Shape, bool], list[float]] = {}

    def moves(shape: Shape, integral: bool) -> list[float]:
        key = (shape, integral)
        if key not in known:
            known[key] = shape.integrals(times) if integral else shape.rates(times)
        return known[key]

    return moves
