"""Findings of the plainest kind: a number against limits, or no number and the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upkeep.checks.limits import Bound, judge, sentence
from upkeep.findings import Finding, State


@dataclass(frozen=True)
class Source:
    """Where numbers come from, and the moment they speak of."""

    name: str
    at: datetime

    def number(
        self,
        check: str,
        title: str,
        quantity: tuple[float, str],
        of: Sequence[Bound] = (),
        evidence: Mapping[str, Any] | None = None,
    ) -> Finding:
        """Return the finding of a number and its unit under the bounds; unknown if it is none."""
        value, unit = quantity
        if not math.isfinite(value):
            return self.unknown(check, title, "the value is not a number")
        verdict = judge(value, of)
        return Finding(
            check=check,
            state=verdict.state,
            summary=sentence(title, value, unit, verdict),
            source=self.name,
            observed_at=self.at,
            value=value,
            unit=unit,
            limit=verdict.limit_text,
            limit_value=verdict.limit_value,
            evidence=evidence or {},
        )

    def unknown(self, check: str, title: str, reason: str) -> Finding:
        """Return the finding that there is no answer, and why."""
        return Finding(
            check=check,
            state=State.UNKNOWN,
            summary=f"{title}: not known",
            source=self.name,
            observed_at=self.at,
            reason=reason,
        )

    def told(
        self, check: str, state: State, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> Finding:
        """Return a finding without a number."""
        return Finding(
            check=check,
            state=state,
            summary=summary,
            source=self.name,
            observed_at=self.at,
            evidence=evidence or {},
        )
