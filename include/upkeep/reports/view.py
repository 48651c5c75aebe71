"""What a report shows and in which order, before it is Markdown or HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from upkeep.findings import State
from upkeep.findings.units import format_against, format_value
from upkeep.ledger.tables import FindingRow, Run, Skip
from upkeep.reports.facts import CatalogFacts, ProcedureFacts, procedure_of, title_of
from upkeep.reports.sparkline import Points

LONGEST_EVIDENCE = 4_000
"""Characters of evidence on the page; the ledger keeps more."""

SKIPPED, NOT_ASKED = "skipped", "not asked for"
_ORDER = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK, SKIPPED, NOT_ASKED)
NO_RESULT = "no result was recorded: the task failed before it had one, or did not run; its log says why"


@dataclass(frozen=True)
class Row:
    """One finding as it is shown."""

    finding: FindingRow
    value: str
    limit: str
    observed: str
    evidence: str
    history: Points


@dataclass(frozen=True)
class Group:
    """One procedure: its state, its findings worst first, and why something is missing."""

    procedure: ProcedureFacts
    state: str
    rows: Sequence[Row]
    skipped: str | None

    @property
    def attention(self) -> list[Row]:
        """The findings that are not ok."""
        return [row for row in self.rows if row.finding.state != State.OK]

    @property
    def calm(self) -> list[Row]:
        """The findings that are ok."""
        return [row for row in self.rows if row.finding.state == State.OK]

    @property
    def no_result(self) -> str | None:
        """Why the procedure is unknown as a whole, or None."""
        return NO_RESULT if self.state == State.UNKNOWN and not self.rows else None


@dataclass(frozen=True)
class View:
    """A whole report."""

    run: Run
    facts: CatalogFacts
    state: str
    headline: str
    as_of: str
    since: str
    groups: Sequence[Group]
    runbooks: Sequence[str]


def view(
    run: Run,
    findings: Sequence[FindingRow],
    skips: Sequence[Skip],
    history: Mapping[str, Points],
    facts: CatalogFacts,
) -> View:
    """Return what the report shows: procedures and findings, worst first."""
    zone = ZoneInfo(facts.timezone)
    rows = [_row(finding, history.get(finding.check_id, ()), zone) for finding in findings]
    groups = [_group(procedure, rows, skips, run) for procedure in _procedures(facts, findings, skips)]
    groups.sort(key=lambda group: _ORDER.index(group.state))
    used = dict.fromkeys(
        row.finding.runbook for group in groups for row in group.attention if row.finding.runbook
    )
    return View(
        run=run,
        facts=facts,
        state=groups[0].state if groups else State.UNKNOWN,
        headline=_headline(groups),
        as_of=moment(run.as_of, zone),
        since=moment(run.since, zone),
        groups=groups,
        runbooks=[name for name in used if name in facts.runbooks],
    )


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a time as the system's people read it, with UTC beside it where that differs."""
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    if local.utcoffset() == utc.utcoffset():
        return f"{utc:%Y-%m-%d %H:%M} UTC"
    day = "" if local.date() == utc.date() else f"{utc:%Y-%m-%d} "
    return f"{local:%Y-%m-%d %H:%M} {zone.key} ({day}{utc:%H:%M} UTC)"


def _procedures(
    facts: CatalogFacts, findings: Sequence[FindingRow], skips: Sequence[Skip]
) -> list[ProcedureFacts]:
    """Return the routine's procedures, and those that only the ledger knows, of an older catalog."""
    known = {procedure.task_id: procedure for procedure in facts.procedures}
    recorded = {procedure_of(row.task_id): row.procedure_id for row in findings} | {
        procedure_of(row.task_id): row.procedure_id for row in skips
    }
    for task_id, procedure_id in recorded.items():
        known.setdefault(task_id, ProcedureFacts(task_id, procedure_id, title_of(task_id), ""))
    return list(known.values())


def _group(procedure: ProcedureFacts, rows: Sequence[Row], skips: Sequence[Skip], run: Run) -> Group:
    own = [row for row in rows if procedure_of(row.finding.task_id) == procedure.task_id]
    own.sort(key=lambda row: -State(row.finding.state).rank)
    reasons = dict.fromkeys(skip.reason for skip in skips if procedure_of(skip.task_id) == procedure.task_id)
    skipped = "; ".join(reasons) or None
    if own:
        state = own[0].finding.state
    elif skipped:
        state = SKIPPED
    elif run.procedures and procedure.task_id not in run.procedures:
        state = NOT_ASKED
    else:
        state = State.UNKNOWN
    return Group(procedure, state, own, skipped)


def _row(finding: FindingRow, history: Points, zone: ZoneInfo) -> Row:
    if finding.value is None:
        value = ""
    elif finding.limit_value is None:
        value = format_value(finding.value, finding.unit)
    else:
        value = format_against(finding.value, finding.limit_value, finding.unit)
    limit = finding.limit_text or (
        format_value(finding.limit_value, finding.unit) if finding.limit_value is not None else ""
    )
    return Row(finding, value, limit, moment(finding.observed_at, zone), _evidence(finding), history)


def _evidence(finding: FindingRow) -> str:
    if not finding.evidence:
        return ""
    text = json.dumps(finding.evidence, indent=2, ensure_ascii=False, default=str)
    if len(text) <= LONGEST_EVIDENCE:
        return text
    return f"{text[:LONGEST_EVIDENCE]}\n… {len(text) - LONGEST_EVIDENCE:,} more characters"


def _headline(groups: Sequence[Group]) -> str:
    """Return the counts in words: `2 critical, 14 ok; 1 procedure skipped`."""
    found = Counter(row.finding.state for group in groups for row in group.rows)
    words = [f"{found[state]} {state}" for state in _ORDER if found[state]] or ["no findings"]
    parts = [", ".join(words)]
    for count, what in (
        (sum(group.no_result is not None for group in groups), "without a result"),
        (sum(group.state == SKIPPED for group in groups), SKIPPED),
        (sum(group.state == NOT_ASKED for group in groups), NOT_ASKED),
    ):
        if count:
            parts.append(f"{count} procedure{'' if count == 1 else 's'} {what}")
    return "; ".join(parts)
