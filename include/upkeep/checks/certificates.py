"""How long certificates are still good: judged alike wherever they are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upkeep.catalog.models import Limit
from upkeep.checks.limits import bounds, judge, sentence
from upkeep.checks.series import check_name
from upkeep.findings import Finding, State

Limits = tuple[Sequence[Limit], Sequence[Limit]]
"""Limits on the time left: warnings and criticals."""


@dataclass(frozen=True)
class Expiry:
    """One certificate. problems: why it is not trusted, or not being renewed."""

    labels: Mapping[str, str]
    title: str
    source: str
    not_after: datetime
    evidence: Mapping[str, Any]
    problem: str | None = None
    problem_state: State = State.CRITICAL


def certificate_limits(warn_days: float, critical_days: float) -> Limits:
    """Return the limits on the time left: warnings and criticals."""
    return [Limit(below=f"{warn_days:g} d")], [Limit(below=f"{critical_days:g} d")]


def expiry_finding(expiry: Expiry, at: datetime, limits: Limits) -> Finding:
    """Return the finding of one certificate: the time left at `at`, and whether it is trusted."""
    left = (expiry.not_after - at).total_seconds()
    verdict = judge(left, bounds(*limits))
    state = verdict.state
    summary = sentence(f"{expiry.title}: time left", left, "seconds", verdict)
    if left <= 0:
        summary = f"{expiry.title}: expired on {expiry.not_after:%Y-%m-%d %H:%M %Z}"
    if expiry.problem:
        state = max(state, expiry.problem_state, key=lambda s: s.rank)
        summary = f"{summary}; {expiry.problem}"
    return Finding(
        check=check_name("certificate", expiry.labels),
        state=state,
        summary=summary,
        source=expiry.source,
        observed_at=at,
        value=left,
        unit="seconds",
        limit=verdict.limit_text,
        limit_value=verdict.limit_value,
        evidence={"not_after": expiry.not_after.isoformat(), **expiry.evidence},
    )
