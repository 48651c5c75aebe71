"""An incident in the words and colours that its page, the list and the board share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from upkeep.findings.units import format_value

if TYPE_CHECKING:
    from upkeep.ledger.incident_tables import Incident

OPEN, ACKNOWLEDGED, SNOOZED, EXHAUSTED, RESOLVED = "open", "acknowledged", "snoozed", "unanswered", "resolved"

LOOKS = {OPEN: "critical", EXHAUSTED: "critical", ACKNOWLEDGED: "warning", SNOOZED: "skipped", RESOLVED: "ok"}
"""The colour of each state, by report.css."""
SIGNS = {OPEN: "●", EXHAUSTED: "✕", ACKNOWLEDGED: "◐", SNOOZED: "z", RESOLVED: "✓"}
"""A state is told by sign and word, not by colour alone."""
SEVERITY_LOOKS = {"P0": "critical", "P1": "critical", "P2": "warning", "P3": "unknown"}

KINDS = {
    "folded": "seen again",
    "page_failed": "a channel refused the page",
    "dead_letter": "no channel took the page",
    "level_skipped": "level skipped",
    "suppressed": "not paged",
    "handed_over": "handed over",
    "seen": "opened this page",
    "storm": "one of a storm",
}
"""Kinds of history whose name is not the word that people read."""


@dataclass(frozen=True)
class Target:
    """By when something is to be done: met, missed, or how long there is left."""

    label: str
    due: datetime
    text: str
    look: str


def state(incident: Incident, now: datetime) -> str:
    """Return the one word for how an incident stands."""
    if incident.resolved_at:
        return RESOLVED
    if incident.snoozed_until and incident.snoozed_until > now:
        return SNOOZED
    if incident.acknowledged_at:
        return ACKNOWLEDGED
    return EXHAUSTED if incident.exhausted else OPEN


def span(length: timedelta) -> str:
    """Return a length of time as a person reads it; the sign is left to the words around it.

    >>> span(timedelta(minutes=-90)), span(timedelta(seconds=42.4))
    ('1.5 h', '42 s')
    """
    return format_value(round(abs(length.total_seconds())), "seconds", digits=2)


def when(at: datetime) -> str:
    """Return a time in UTC.

    >>> when(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02 03:04 UTC'
    """
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def targets(incident: Incident, now: datetime) -> tuple[Target, Target]:
    """Return when it must be acknowledged and resolved, counted from when it opened or was opened again."""
    answered = incident.acknowledged_at or incident.resolved_at
    return (
        _target("Acknowledge by", incident, "response_seconds", answered, now),
        _target("Resolve by", incident, "resolution_seconds", incident.resolved_at, now),
    )


def _target(label: str, incident: Incident, key: str, done: datetime | None, now: datetime) -> Target:
    due = incident.counted_from + timedelta(seconds=float(incident.chain[key]))
    if done:
        took = span(done - incident.counted_from)
        return Target(label, due, f"done after {took}", "ok" if done <= due else "warning")
    if now <= due:
        return Target(label, due, f"{span(due - now)} left", "not")
    return Target(label, due, f"{span(now - due)} overdue", "critical")
