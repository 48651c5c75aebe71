"""Draws a check's recent values small, as SVG within the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup, escape

from upkeep.findings.units import format_value

Points = Sequence[tuple[datetime, float]]
"""Times with zone and values, oldest first; may be empty."""

WIDTH, HEIGHT, MARGIN = 160.0, 36.0, 4.0
"""In the drawing's own units; the page scales it."""

FEWEST = 3
"""Fewer points draw a line that means nothing."""


def sparkline(points: Points, unit: str | None, limit: float | None) -> Markup:
    """Return a line through the values over time, the last dotted, the limit dashed; empty for too few."""
    if len(points) < FEWEST:
        return Markup("")
    values = [value for _, value in points] + ([limit] if limit is not None else [])
    low, high = min(values), max(values)
    start, end = points[0][0], points[-1][0]
    seconds = (end - start).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return MARGIN + (at - start).total_seconds() / seconds * (WIDTH - 2 * MARGIN)

    def y(value: float) -> float:
        # Halves, for the difference of two very large numbers is infinite.
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
        return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
    last_at, last = points[-1]
    drawing = f'<polyline points="{line}"/><circle cx="{x(last_at):.1f}" cy="{y(last):.1f}" r="2.5"/>'
    if limit is not None:
        height = f"{y(limit):.1f}"
        drawing = f'<line class="limit" x1="0" x2="{WIDTH:g}" y1="{height}" y2="{height}"/>' + drawing
    words = escape(_words(points, unit, limit))
    return Markup(  # noqa: S704  numbers of ours, and words that are escaped
        f'<svg class="spark" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{words}">'
        f"<title>{words}</title>{drawing}</svg>"
    )


def _words(points: Points, unit: str | None, limit: float | None) -> str:
    """Return the drawing in words, for those who cannot see it."""
    values = [value for _, value in points]
    lowest, highest, newest = (format_value(v, unit) for v in (min(values), max(values), values[-1]))
    bound = f"; limit {format_value(limit, unit)}" if limit is not None else ""
    return (
        f"{len(values)} values from {points[0][0]:%Y-%m-%d %H:%M} to {points[-1][0]:%Y-%m-%d %H:%M} UTC: "
        f"lowest {lowest}, highest {highest}, last {newest}{bound}"
    )
