"""Error lines of logs, grouped by pattern: what a review of them finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from upkeep.catalog.models import Limit
from upkeep.checks.judged import Source
from upkeep.checks.limits import Bound, bounds
from upkeep.checks.registry import Parameters
from upkeep.findings import Finding

if TYPE_CHECKING:
    from upkeep.clients.logs import LogLine

_EXAMPLE_LENGTH = 300


class LogParameters(Parameters):
    """Which lines count, and how many are too many."""

    pattern: str | None = None
    """Regular expression of the lines that count; by default the ways in which loggers report errors."""
    warn_above_count: int | None = Field(default=None, ge=0)
    """More such lines since the last review are a warning."""
    critical_above_count: int | None = Field(default=None, ge=0)
    """More such lines since the last review are critical."""
    top: int = Field(default=10, gt=0, le=100)
    """How many patterns are shown, the most frequent first."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as e:
            raise ValueError(f"not a regular expression: {e}") from e
        return pattern

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if None not in (self.warn_above_count, self.critical_above_count) and (
            (self.warn_above_count or 0) > (self.critical_above_count or 0)
        ):
            raise ValueError("warn_above_count must not be above critical_above_count")
        return self

    def limits(self) -> list[Bound]:
        """Return the limits on the count."""
        warning, critical = (
            [] if count is None else [Limit(above=str(count))]
            for count in (self.warn_above_count, self.critical_above_count)
        )
        return bounds(warning, critical)

    def counts(self) -> Callable[[str], bool]:
        """Return what tells whether a line counts."""
        from upkeep.clients.logs import is_error

        if self.pattern is None:
            return is_error
        found = re.compile(self.pattern)
        return lambda text: found.search(text) is not None


@dataclass
class Reading:
    """How much was read, counted while it is read."""

    lines: int = 0
    cut_short: bool = False
    """Not every line could be read: the count is a lower bound."""


def review(
    check: str, source: Source, lines: Iterable[LogLine], parameters: LogParameters, reading: Reading
) -> Finding:
    """Return the finding of the lines that count; unknown if there was no line at all."""
    from upkeep.clients.logs import group_lines

    patterns = group_lines(_counting(lines, parameters.counts(), reading))
    total = sum(one.count for one in patterns)
    title = "Error lines since the last review"
    if not reading.lines:
        return source.unknown(check, title, "there is no line of log at all in that time: is it written?")
    evidence: dict[str, Any] = {
        "patterns": [
            {
                "pattern": one.pattern,
                "count": one.count,
                "first_seen": one.first_seen.isoformat(),
                "last_seen": one.last_seen.isoformat(),
                "example": one.example[:_EXAMPLE_LENGTH],
            }
            for one in patterns[: parameters.top]
        ],
        "pattern_count": len(patterns),
        "lines_read": reading.lines,
    }
    if reading.cut_short:
        evidence["incomplete"] = "there were more lines than are read: the count is a lower bound"
    words = f"{title} ({len(patterns)} patterns{', at least' if reading.cut_short else ''})"
    return source.number(check, words, (float(total), "count"), parameters.limits(), evidence)


def _counting(lines: Iterable[LogLine], counts: Callable[[str], bool], reading: Reading) -> Iterator[LogLine]:
    for line in lines:
        reading.lines += 1
        if counts(line.text):
            yield line
