"""The rows of the bench: a name, a number, its target."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measured number. `target` is the most it may be; None is shown and not judged."""

    name: str
    value: float
    unit: str
    target: float | None
    note: str = ""

    @property
    def ok(self) -> bool:
        """Return whether the value keeps its target."""
        return self.target is None or self.value <= self.target


def ratio(ours: Callable[[], float], other: Callable[[], float], rounds: int) -> float:
    """Return the median of ours / other over alternating rounds, after one round that does not count.

    Alternating, and the ratio taken pair by pair, so that a machine that slows down slows both.
    """
    ours(), other()
    return statistics.median(ours() / other() for _ in range(rounds))


def save(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a JSON list of `{name, value, unit, target, ok}`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) | {"ok": row.ok} for row in rows], indent=1) + "\n")
