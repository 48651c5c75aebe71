"""A finding: the answer of one check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """The four answers of a check. No data is UNKNOWN, with the reason; it is never OK."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """How much attention the state wants: ok 0, unknown 1, warning 2, critical 3."""
        return _RANK[self]


_RANK = {State.OK: 0, State.UNKNOWN: 1, State.WARNING: 2, State.CRITICAL: 3}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check saw and what it means.

    check: stable name within its task; the ledger's key with run and task (`error_ratio`,
        `pod_restarts{pod=api-1}`).
    summary: one sentence for a person.
    value, unit: the measured number and its unit (`ratio`, `seconds`, `bytes`, `count`, …).
    limit: the limit as a person reads it (`> 1 % for 5 min`); limit_value: its number in `unit`.
    source: where the value comes from, without credentials (`prometheus: sum(rate(…))`).
    observed_at: the moment the value speaks of, with time zone.
    reason: why it is unknown; required then.
    temporary: an unknown that trying again may answer.
    evidence: JSON-able details; no secrets. runbook: a link or path.
    """

    check: str
    state: State
    summary: str
    source: str
    observed_at: datetime
    value: float | None = None
    unit: str | None = None
    limit: str | None = None
    limit_value: float | None = None
    reason: str | None = None
    temporary: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    runbook: str | None = None

    def __post_init__(self) -> None:
        if self.observed_at.tzinfo is None:
            raise ValueError(f"finding {self.check}: observed_at has no time zone")
        if self.state is State.UNKNOWN and not self.reason:
            raise ValueError(f"finding {self.check}: unknown needs a reason")


def worst(findings: Iterable[Finding]) -> State:
    """Return the state that wants most attention; of no findings at all, UNKNOWN.

    A warning outranks an unknown, for it is certain; an unknown outranks ok, for it is not.
    """
    return max((f.state for f in findings), key=lambda s: s.rank, default=State.UNKNOWN)
