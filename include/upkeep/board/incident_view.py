"""What an incident's own page shows, before it is HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from upkeep.board.incident_facts import Fact, facts_of
from upkeep.board.incident_words import KINDS, Target, span, state, targets, when
from upkeep.findings.units import format_value
from upkeep.incidents import chains, oncall
from upkeep.incidents.oncall import StandIn
from upkeep.incidents.steps import advance
from upkeep.ledger.incident_rows import state_of
from upkeep.paging.view import clean

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.catalog.models.operations import Runbook
    from upkeep.incidents.model import ChainLevel
    from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow

LONGEST_TEXT = 2_000
"""Characters of a summary or a remark on the page; the ledger keeps more."""


@dataclass(frozen=True)
class Known:
    """What the ledger and the catalog know of an incident; the system is None where the catalog is broken."""

    incident: Incident
    pages: Sequence[PageRow]
    history: Sequence[HistoryRow]
    system: System | None
    stand_ins: Sequence[StandIn]


@dataclass(frozen=True)
class LevelLine:
    """One level of the chain. number: from 1. turn: paged, current or later."""

    number: int
    owner: str
    who: str
    rule: str
    channels: str
    turn: str


@dataclass(frozen=True)
class PageLine:
    """One page and what became of it."""

    at: str
    kind: str
    level: int
    who: str
    channel: str
    outcome: str
    look: str


@dataclass(frozen=True)
class HistoryLine:
    """One thing that happened, in the order in which it did."""

    at: str
    what: str
    who: str
    text: str


@dataclass(frozen=True)
class IncidentView:
    """The whole page of an incident."""

    id: UUID
    title: str
    summary: str
    severity: str
    state: str
    system: str
    facts: Sequence[Fact]
    targets: Sequence[Target]
    next_step: str
    levels: Sequence[LevelLine]
    pages: Sequence[PageLine]
    history: Sequence[HistoryLine]
    runbook: Runbook | None
    now: str


def incident_view(known: Known, now: datetime) -> IncidentView:
    """Return what the page shows at `now`."""
    row = known.incident
    runbook = str(row.facts.get("runbook") or "")
    return IncidentView(
        id=row.id,
        title=clean(row.title, 300),
        summary=clean(row.summary, LONGEST_TEXT),
        severity=row.severity,
        state=state(row, now),
        system=known.system.title if known.system else row.system,
        facts=facts_of(row, known.system, now),
        targets=targets(row, now),
        next_step=_next_step(row, now),
        levels=[_level(number, level, known, now) for number, level in enumerate(_levels(row))],
        pages=[_page(page) for page in known.pages],
        history=[_history(line) for line in known.history],
        runbook=known.system.runbooks.get(runbook) if known.system else None,
        now=when(now),
    )


def _levels(row: Incident) -> Sequence[ChainLevel]:
    return chains.from_json(row.chain).levels


def _next_step(row: Incident, now: datetime) -> str:
    """Return what the chain does next and when, if nobody answers."""
    if row.resolved_at:
        return "Nothing: it is resolved."
    if row.storm_id:
        return "It pages nobody by itself while the storm that it is part of is open."
    if row.next_step_at is None:
        return "Nothing is planned; the watchdog looks at it within a minute."
    due = max(row.next_step_at, now)
    step = advance(state_of(row), due)
    levels = _levels(row)
    verbs = {"page": "page", "reminder": "remind"}
    does = [f"{verbs[page.kind]} level {page.level + 1}, {levels[page.level].owner}" for page in step.pages]
    what = " and ".join(does) or "look again"
    return f"Now: {what}" if due == now else f"{when(due)}, in {span(due - now)}: {what}"


def _level(number: int, level: ChainLevel, known: Known, now: datetime) -> LevelLine:
    row = known.incident
    serving = oncall.on_call(known.system, level, known.stand_ins, now)
    if level.only_major and row.severity != chains.MAJOR:
        who = "for P0 alone"
    else:
        who = serving.person.title if serving.person else f"nobody: {serving.reason}"
    wait = f"waits {format_value(level.wait_seconds, 'seconds')}" if level.wait_seconds else "does not wait"
    turn = "later" if number > row.level else "current" if number == row.level else "passed"
    return LevelLine(
        number=number + 1,
        owner=level.owner,
        who=who,
        rule=f"{wait}, ends at {level.ends_at}",
        channels=", then ".join(level.channels),
        turn="passed" if row.resolved_at and turn == "current" else turn,
    )


def _page(page: PageRow) -> PageLine:
    outcomes = {
        "sent": (f"delivered to {page.target}" if page.target else "delivered", "ok"),
        "dead": ("dead letter: no channel took it", "critical"),
        "suppressed": ("not sent: it was answered before", "skipped"),
        "pending": ("waits to be sent", "unknown"),
    }
    outcome, look = outcomes.get(page.state, (page.state, "unknown"))
    tries = f", {page.attempts} attempts" if page.attempts > 1 else ""
    error = f" ({clean(page.error, 300)})" if page.error else ""
    return PageLine(
        at=when(page.sent_at or page.created_at),
        kind=page.kind,
        level=page.level + 1,
        who=page.person,
        channel=page.channel or ", ".join(page.channels),
        outcome=outcome + tries + error,
        look=look,
    )


def _history(line: HistoryRow) -> HistoryLine:
    said = [clean(line.text, LONGEST_TEXT)] if line.text else []
    facts = line.facts or {}
    if line.kind == "handed_over":
        said.insert(0, f"to level {int(facts['level']) + 1}, {facts['owner']}")
    if line.channel and line.channel != "ui":
        said.insert(0, f"by {line.channel}")
    return HistoryLine(
        at=when(line.at),
        what=KINDS.get(line.kind, line.kind.replace("_", " ")),
        who=line.who or "Upkeep",
        text="; ".join(said),
    )
