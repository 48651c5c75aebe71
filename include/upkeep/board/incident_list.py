"""The list of incidents: what nobody answers or was told of first, then by severity and age."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from upkeep.board.incident_words import Target, span, state, targets, when
from upkeep.paging.view import clean

if TYPE_CHECKING:
    from upkeep.ledger.incident_tables import Incident

STATES = ("open", "resolved", "all")


@dataclass(frozen=True)
class Listed:
    """An incident, and why it must not be overlooked, if so."""

    incident: Incident
    loud: str | None


@dataclass(frozen=True)
class Line:
    """One incident as the list shows it."""

    id: UUID
    title: str
    system: str
    severity: str
    state: str
    loud: str | None
    about: str
    target: Target | None


@dataclass(frozen=True)
class ListView:
    """The whole list. counts: by system, of what is listed."""

    headline: str
    look: str
    lines: Sequence[Line]
    systems: Sequence[str]
    system: str | None
    state: str
    states: Sequence[str]
    now: str


def in_order(rows: Sequence[Incident], undelivered: Collection[UUID]) -> list[Listed]:
    """Return incidents: open ones first, of those the loud ones, then by severity, the oldest first.

    undelivered: the incidents whose newest page no channel took.
    """
    listed = [Listed(row, _loud(row, undelivered)) for row in rows]
    latest_first = [one for one in reversed(listed) if one.incident.resolved_at]
    latest_first.sort(key=lambda one: one.incident.resolved_at or one.incident.opened_at, reverse=True)
    still_open = [one for one in listed if one.incident.resolved_at is None]
    still_open.sort(key=lambda one: (one.loud is None, one.incident.severity, one.incident.began_at))
    return [*still_open, *latest_first]


def list_view(listed: Sequence[Listed], system: str | None, wanted: str, now: datetime) -> ListView:
    """Return what the list shows at `now`. system, wanted: the filters that are set."""
    still_open = [one for one in listed if one.incident.resolved_at is None]
    systems = {one.incident.system for one in listed} | ({system} if system else set())
    return ListView(
        headline=_headline(listed, wanted),
        look=_look(still_open),
        lines=[_line(one, now) for one in listed],
        systems=sorted(systems),
        system=system,
        state=wanted,
        states=STATES,
        now=when(now),
    )


def _loud(row: Incident, undelivered: Collection[UUID]) -> str | None:
    if row.resolved_at or row.acknowledged_at:
        return None
    if row.exhausted:
        return "the chain is at its end and nobody has answered"
    return "no channel took the last page" if row.id in undelivered else None


def _headline(listed: Sequence[Listed], wanted: str) -> str:
    still_open = [one for one in listed if one.incident.resolved_at is None]
    waiting = sum(one.incident.acknowledged_at is None for one in still_open)
    loud = sum(one.loud is not None for one in still_open)
    if wanted == "resolved":
        return f"{_counted(len(listed))} resolved"
    words = [f"{_counted(len(still_open))} open", f"{waiting} not acknowledged"]
    return ", ".join([*words, *([f"{loud} unheard"] if loud else [])]) if still_open else "Nothing is open"


def _counted(count: int) -> str:
    return f"{count} incident{'' if count == 1 else 's'}"


def _look(still_open: Sequence[Listed]) -> str:
    if any(one.incident.acknowledged_at is None for one in still_open):
        return "critical"
    return "warning" if still_open else "ok"


def _line(one: Listed, now: datetime) -> Line:
    row = one.incident
    return Line(
        id=row.id,
        title=clean(row.title, 200),
        system=row.system,
        severity=row.severity,
        state=state(row, now),
        loud=one.loud,
        about=_about(row),
        target=_open_target(row, now),
    )


def _about(row: Incident) -> str:
    words = [f"since {when(row.began_at)}"]
    if row.signals > 1:
        words.append(f"seen {row.signals} times")
    if row.resolved_at:
        words.append(f"resolved by {row.resolved_by} after {span(row.resolved_at - row.opened_at)}")
    elif row.acknowledged_at:
        words.append(f"{row.acknowledged_by} has it")
    elif row.storm_id:
        words.append("one of a storm")
    elif row.level >= 0:
        words.append(f"level {row.level + 1} was paged, {row.chain['levels'][row.level]['owner']}")
    else:
        words.append("nobody was paged yet")
    return ", ".join(words)


def _open_target(row: Incident, now: datetime) -> Target | None:
    """Return the next thing that must be done in time."""
    answer, solve = targets(row, now)
    if row.resolved_at:
        return None
    return solve if row.acknowledged_at else answer
