"""`upkeep coverage`: which task does what the operations guides ask for."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from upkeep.catalog.compiled import Catalog
from upkeep.catalog.coverage import Coverage
from upkeep.catalog.coverage import coverage as coverage_of


class Format(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"


def coverage(
    format_: Annotated[
        Format, typer.Option("--format", help="JSON lists the covered ids alone.")
    ] = Format.TABLE,
    missing: Annotated[bool, typer.Option("--missing", help="Show only what no task does yet.")] = False,
    folder: Annotated[Path | None, typer.Option(help="The catalog's folder.")] = None,
) -> None:
    """Show the DAG and the task behind every duty that the operations guides ask for."""
    listed = coverage_of(Catalog(folder))
    if format_ is Format.JSON:
        done = [one for one in listed if one.dag_id and not missing]
        rows = [{"id": one.id, "dag_id": one.dag_id, "task_id": one.task_id} for one in done]
        typer.echo(json.dumps(rows, indent=2))
        return
    Console().print(_table([one for one in listed if not missing or one.dag_id is None]))
    covered = sum(one.dag_id is not None for one in listed)
    typer.echo(f"{covered} of {len(listed)} duties have a task")


def _table(listed: list[Coverage]) -> Table:
    table = Table()
    for heading in ("Duty", "DAG", "Task", "What"):
        table.add_column(heading, overflow="fold")  # an id that is cut off is of no use
    for one in listed:
        table.add_row(one.id, one.dag_id or "—", one.task_id or "—", one.what)
    return table
