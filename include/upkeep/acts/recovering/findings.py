"""The findings of a recovery, and the names of its checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upkeep.acts.model import Act
from upkeep.findings import Finding, State
from upkeep.recoveries.model import Recovery


def recovery_finding(
    act: Act, check: str, state: State, said: str, evidence: Mapping[str, Any] | None = None
) -> Finding:
    """Return a finding of this moment."""
    return Finding(
        check=check,
        state=state,
        summary=said,
        source="recovery",
        observed_at=act.now,
        evidence=evidence or {},
    )


def check_of(question: str, one: Recovery) -> str:
    """Return the name of a check, the same in every run that recovers the same."""
    return f"recovery_{question}{{subject={one.subject}}}"
