"""How traffic moves: growth, a daily and a weekly rhythm, and a noise that is the same every time.

A shape is a rate over time, 1.0 on average at the anchor; its integral is exact, so a counter can be
computed at any moment without the moments before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86_400.0
MONTH = 30 * DAY
ORIGIN_DAYS = 100
"""Counters begin at zero this long before the anchor."""

_NOISE = ((37 * 60.0, 0.020), (11 * 60.0, 0.015), (DAY / 3.7, 0.030))
"""Periods (seconds) and amplitudes of the noise: no two days are alike, for no period divides a week."""


@dataclass(frozen=True)
class Shape:
    """A rate over time.

    anchor: the moment (seconds since the epoch, midnight) at which growth is 1.
    monthly_growth: 0.15 is 15 % a month. daily, weekly: amplitudes of the rhythms.
    peak_hour: when the day is busiest, UTC. noise: factor on the noise. phase: makes shapes differ.
    """

    anchor: float
    monthly_growth: float = 0.0
    daily: float = 0.35
    weekly: float = 0.08
    peak_hour: float = 14.0
    noise: float = 1.0
    phase: float = 0.0

    def _waves(self) -> list[tuple[float, float, float]]:
        """Angular frequency, amplitude and phase of each wave."""
        day = 2 * math.pi / DAY
        peak = math.pi / 2 - day * (self.anchor % DAY + self.peak_hour * 3600)
        waves = [(day, self.daily, peak), (day / 7, self.weekly, self.phase)]
        noise = [
            (2 * math.pi / p, a * self.noise, self.phase + i) for i, (p, a) in enumerate(_NOISE) if self.noise
        ]
        return waves + noise

    @property
    def _growth(self) -> float:
        return math.log1p(self.monthly_growth) / MONTH

    def rates(self, times: Sequence[float]) -> list[float]:
        """Return the rate at each time; always positive while the amplitudes sum to less than 1."""
        grown = self._grown(times)
        sums = [1.0] * len(times)
        for w, amplitude, phase in self._waves():
            sums = [
                value + amplitude * math.sin(w * (t - self.anchor) + phase)
                for value, t in zip(sums, times, strict=True)
            ]
        return [growth * value for growth, value in zip(grown, sums, strict=True)]

    def integrals(self, times: Sequence[float]) -> list[float]:
        """Return the integral of the rate from the origin to each time, in seconds."""
        origin = self.anchor - ORIGIN_DAYS * DAY
        first, *rest = self._primitives([origin, *times])
        return [value - first for value in rest]

    def _primitives(self, times: Sequence[float]) -> list[float]:
        # ∫ e^{kx} sin(wx+p) dx = e^{kx} (k sin(wx+p) − w cos(wx+p)) / (k² + w²), and that is one sine again.
        k = self._growth
        sums = [1 / k if k else t - self.anchor for t in times]
        for w, a, p in self._waves():
            amplitude, phase = a / math.hypot(k, w), p - math.atan2(w, k)
            sums = [
                value + amplitude * math.sin(w * (t - self.anchor) + phase)
                for value, t in zip(sums, times, strict=True)
            ]
        return [growth * value for growth, value in zip(self._grown(times), sums, strict=True)]

    def _grown(self, times: Sequence[float]) -> list[float]:
        """Return how much larger than at the anchor everything is."""
        k = self._growth
        return [math.exp(k * (t - self.anchor)) if k else 1.0 for t in times]
