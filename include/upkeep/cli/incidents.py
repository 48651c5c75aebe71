"""`upkeep incidents`: what is open, who was paged, who answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from upkeep.cli.incident_json import event_facts, incident_facts, page_facts
from upkeep.cli.ledger import engine
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow

app = typer.Typer(
    help="List and show incidents. Answers are given in Airflow, under one's own name and rights: on the "
    "incident's page, to which each page and mail links, or by the DAG upkeep_answer_incident.",
)

MOST_LISTED = 200
MOST_MEANT = 5
SHORT_ID = 8
"""Letters of an id that the list shows; `show` takes as many as are enough."""


class State(StrEnum):
    """Which incidents to list."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class Severity(StrEnum):
    """P0 is the most severe."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


_STATES: dict[State, Literal["open", "resolved", "any"]] = {
    State.OPEN: "open",
    State.RESOLVED: "resolved",
    State.ALL: "any",
}
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with whole ids.")]


@app.callback(invoke_without_command=True)
def list_incidents(
    context: typer.Context,
    system: Annotated[str | None, typer.Option(help="Of one system; `upkeep` is the suite itself.")] = None,
    state: Annotated[State, typer.Option(help="Open ones, resolved ones, or all.")] = State.OPEN,
    severity: Annotated[Severity | None, typer.Option(help="Of one severity.")] = None,
    as_json: Json = False,
) -> None:
    """List incidents: open ones first by severity, the latest first."""
    if context.invoked_subcommand:
        return
    from upkeep.ledger.incident_reads import Which, incidents

    which = Which(system=system, state=_STATES[state], severity=severity, limit=MOST_LISTED + 1)
    rows = incidents(engine(), which)
    listed = rows[:MOST_LISTED]
    if as_json:
        typer.echo(json.dumps([incident_facts(row) for row in listed], indent=2))
        return
    if not rows:
        _refuse_unknown(system)
        typer.echo("no incidents" if state is State.ALL else f"no {state} incidents")
        return
    Console().print(_list(listed))
    if len(rows) > MOST_LISTED:
        typer.echo(f"only the first {MOST_LISTED} are shown; choose by --system, --state or --severity")


@app.command()
def show(
    incident: Annotated[str, typer.Argument(help="The id, or as much of its beginning as is enough.")],
    as_json: Json = False,
) -> None:
    """Show one incident: its state, its chain, who was paged and with what outcome, what happened."""
    from upkeep.ledger.incident_reads import history, members, pages

    ledger = engine()
    row = _chosen(ledger, incident)
    paged, events, inside = pages(ledger, row.id), history(ledger, row.id), members(ledger, row.id)
    if as_json:
        facts = incident_facts(row) | {
            "chain": row.chain,
            "facts": row.facts,
            "members": [str(member.id) for member in inside],
            "pages": [page_facts(page) for page in paged],
            "history": [event_facts(event) for event in events],
        }
        typer.echo(json.dumps(facts, indent=2))
        return
    console = Console()
    for name, value in _lines(row, inside):
        console.print(f"[bold]{name}[/]: {escape(value)}", highlight=False)
    console.print(_chain(row))
    console.print(_pages(paged) if paged else "nobody was paged")
    console.print(_history(events))


def _refuse_unknown(system: str | None) -> None:
    """Raise ConfigurationError for a system without incidents that the catalog does not know: a slip."""
    from upkeep.catalog.compiled import Catalog
    from upkeep.incidents.subjects import OWN_SYSTEM

    known = [*Catalog().system_ids(), OWN_SYSTEM]
    if system and system not in known:
        raise ConfigurationError(f"there is no system {system!r}; there are {', '.join(known)}")


def _chosen(ledger: Engine, prefix: str) -> Incident:
    from upkeep.ledger.incident_reads import with_prefix

    if not prefix or set(prefix.lower()) - set("0123456789abcdef-"):
        raise ConfigurationError(f"{prefix!r} is no id of an incident; `upkeep incidents` lists them")
    rows = with_prefix(ledger, prefix, MOST_MEANT + 1)
    if not rows:
        raise ConfigurationError(
            f"no incident's id begins with {prefix}; `upkeep incidents --state all` lists them"
        )
    if len(rows) > 1:
        meant = ", ".join(str(row.id) for row in rows[:MOST_MEANT])
        raise ConfigurationError(f"several incidents' ids begin with {prefix}: {meant}; write more of it")
    return rows[0]


def _list(rows: Sequence[Incident]) -> Table:
    table = Table()
    for heading in ("Incident", "Severity", "System", "State", "Opened", "Seen", "What"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        short, seen = str(row.id)[:SHORT_ID], f"{row.signals} ×"
        cells = (short, row.severity, row.system, _state(row), _when(row.opened_at), seen, row.title)
        table.add_row(*map(escape, cells))
    return table


def _lines(row: Incident, inside: Sequence[Incident]) -> list[tuple[str, str]]:
    lines = [
        ("Incident", str(row.id)),
        ("What", row.title),
        ("Summary", row.summary),
        ("System", row.system),
        ("Severity", f"{row.severity}, {row.issue_type}" + (f", {row.symptom}" if row.symptom else "")),
        ("State", _state(row)),
        ("Began", _when(row.began_at)),
        ("Opened", f"{_when(row.opened_at)} by {row.source}, seen {row.signals} ×"),
        ("Next step", _when(row.next_step_at) if row.next_step_at else "none"),
    ]
    if row.quiet:
        lines.append(("Began in", f"{row.quiet}: not paged until its end, {_when(row.quiet_until)}"))
    if row.storm_id:
        lines.append(("Storm", f"folded into {row.storm_id}"))
    if inside:
        lines.append(("Folded in", ", ".join(str(member.id)[:SHORT_ID] for member in inside)))
    return lines


def _chain(row: Incident) -> Table:
    chain = row.chain
    title = f"Chain {chain['name']}, round {row.round + 1}" + (", at its end" if row.exhausted else "")
    table = Table("Level", "Owner", "Then waits", "Ends at", "Channels", title=title)
    for number, level in enumerate(chain["levels"]):
        mark = " ← paged last" if number == row.level else ""
        ends = level["ends_at"] + (" (P0 alone)" if level["only_major"] else "")
        waits = f"{level['wait_seconds'] / 60:g} min"
        cells = (f"{number + 1}{mark}", level["owner"], waits, ends, ", ".join(level["channels"]))
        table.add_row(*map(escape, cells))
    return table


def _pages(rows: Sequence[PageRow]) -> Table:
    table = Table(title="Pages")
    for heading in ("When", "Level", "Kind", "To", "Outcome", "Error"):
        table.add_column(heading, overflow="fold")
    for page in rows:
        outcome = f"{page.state} by {page.channel} to {page.target}" if page.channel else page.state
        when = _when(page.sent_at or page.created_at)
        cells = (when, str(page.level + 1), page.kind, page.person or page.owner, outcome, page.error or "")
        table.add_row(*map(escape, cells))
    return table


def _history(events: Sequence[HistoryRow]) -> Table:
    table = Table(title="History")
    for heading in ("When", "What", "Who", "Channel", "Text"):
        table.add_column(heading, overflow="fold")
    for event in events:
        cells = (_when(event.at), event.kind, event.who or "", event.channel or "", event.text or "")
        table.add_row(*map(escape, cells))
    return table


def _state(row: Incident) -> str:
    if row.resolved_at:
        return f"resolved by {row.resolved_by} {_when(row.resolved_at)}"
    if row.acknowledged_at:
        said = f"acknowledged by {row.acknowledged_by} {_when(row.acknowledged_at)}"
    elif row.storm_id:
        said = "open, in a storm"
    else:
        level = f"level {row.level + 1} was paged" if row.level >= 0 else "nobody paged yet"
        said = f"open, {level}" + (", end of the chain" if row.exhausted else "")
    snoozed = row.snoozed_until and row.snoozed_until > datetime.now(UTC)
    return f"{said}, snoozed until {_when(row.snoozed_until)}" if snoozed else said


def _when(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""
