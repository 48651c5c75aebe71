"""The findings of the demo's runs as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby, repeat

from rich.table import Table
from rich.text import Text
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from sandbox.demo.runs import Run
from sandbox.estate import Estate
from upkeep.findings import State
from upkeep.findings.units import format_value
from upkeep.ledger import reads
from upkeep.ledger.tables import FindingRow

COLOURS = {"ok": "green", "warning": "yellow", "critical": "bold red", "unknown": "magenta"}
LONGEST_REASON = 160


def ledger(estate: Estate) -> Engine:
    """Return the ledger of the sandbox."""
    part = estate.part("platform")
    password = estate.password("platform", "ledger")
    url = URL.create("postgresql+psycopg", "ledger", password, part.host, part.port, "ledger")
    return create_engine(url, poolclass=NullPool)


def findings(estate: Estate, runs: Iterable[Run]) -> list[FindingRow]:
    """Return the findings of the runs that are in force."""
    engine = ledger(estate)
    return [row for run in runs for row in reads.findings(engine, run.dag_id, run.run_id)]


def table(rows: Sequence[FindingRow]) -> Table:
    """Return one table: a section a system, what is ok counted by procedure, the rest in full."""
    shown = Table("system", "procedure", "state", "value", "limit", "finding", show_lines=False, expand=True)
    shown.columns[3].justify = shown.columns[4].justify = "right"
    ordered = sorted(rows, key=lambda row: (row.system, row.dag_id, row.task_id, -State(row.state).rank))
    for system, of_system in groupby(ordered, key=lambda row: row.system):
        names = chain([system], repeat(""))
        for task, of_task in groupby(of_system, key=lambda row: row.task_id):
            for cells, task_once in zip(_procedure(list(of_task)), chain([task], repeat("")), strict=False):
                shown.add_row(next(names), task_once, *cells)
        shown.add_section()
    return shown


def _procedure(rows: list[FindingRow]) -> Iterable[tuple[Text | str, ...]]:
    for row in (row for row in rows if row.state != State.OK):
        value = format_value(row.value, row.unit) if row.value is not None else ""
        text = row.summary if not row.reason else f"{row.check_id}: {row.reason[:LONGEST_REASON]}"
        yield _state(row.state), value, row.limit_text or "", text
    if ok := sum(row.state == State.OK for row in rows):
        yield _state("ok"), "", "", f"{ok} ok"


def _state(state: str) -> Text:
    return Text(state, style=COLOURS[state])


def counts(rows: Sequence[FindingRow], runs: Sequence[Run]) -> str:
    """Return the sum of it in a sentence."""
    states = [f"{sum(row.state == state for row in rows)} {state}" for state in reversed(State)]
    ended = f"{sum(run.state == 'success' for run in runs)} of {len(runs)} runs succeeded"
    return f"{', '.join(states)}; {ended}"
