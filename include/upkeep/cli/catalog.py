"""`upkeep catalog`: check, begin and look at systems' files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from upkeep.catalog.check import check_catalog, check_file
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.places import suite_folder, systems_folder
from upkeep.catalog.problems import Problem, errors
from upkeep.catalog.schema import write_schema
from upkeep.catalog.starter import write_starter
from upkeep.checks.registry import Kind, kinds

app = typer.Typer(help="Check, begin and look at systems' files.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Option(help="The catalog's folder; by default $UPKEEP_SYSTEMS.")]


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="By default all systems, and the suite itself.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Print every mistake as `file:line:column: path: what is wrong, what would be right`."""
    problems = _problems(files, folder)
    # Errors last: that is where people look, and warnings may be many.
    for problem in sorted(problems, key=lambda one: one.level != "warning"):
        typer.echo(str(problem))
    wrong = len(errors(problems))
    typer.echo(f"{_count(wrong, 'error')}, {_count(len(problems) - wrong, 'warning')}", err=True)
    if wrong:
        raise typer.Exit(1)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The system's id: lower-case letters, digits, hyphens.")],
    folder: Folder = None,
) -> None:
    """Write a commented file for a new system, which passes the check."""
    path = write_starter(folder or systems_folder(), name)
    typer.echo(f"{path} is written; fill it in, then run `upkeep catalog check`")


@app.command()
def schema(folder: Folder = None) -> None:
    """Write the JSON Schema that editors complete and check from."""
    typer.echo(f"{write_schema(folder or systems_folder())} is written")


@app.command(name="kinds")
def show_kinds() -> None:
    """List the kinds of procedures with their parameters."""
    table = Table("Kind", "Reads", "What", "Parameters", show_lines=True)
    for kind in kinds().values():
        table.add_row(kind.name, str(kind.reads), kind.summary, "\n".join(_parameters(kind)) or "none")
    Console().print(table)


@app.command(name="list")
def show_list(folder: Folder = None) -> None:
    """List the systems in force with their routines."""
    table = Table()
    for heading in ("System", "DAG", "Cadence", "Schedule", "Owner", "Procedures"):
        table.add_column(heading, overflow="fold")  # an id that is cut off is of no use
    for plan in Catalog(folder).plans():
        when = f"{plan.schedule} ({plan.timezone})" if plan.schedule else "by hand"
        table.add_row(plan.system, plan.dag_id, plan.cadence, when, plan.owner, str(len(plan.tasks)))
    Console().print(table)


def _problems(files: list[Path] | None, folder: Path | None) -> list[Problem]:
    if files:
        return [problem for file in files for problem in check_file(file)[1]]
    folders = [folder] if folder else [systems_folder(), suite_folder()]
    return [problem for one in folders for problem in check_catalog(one).problems]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _parameters(kind: Kind) -> list[str]:
    properties = kind.parameters.model_json_schema().get("properties", {})
    lines = []
    for name, field in kind.parameters.model_fields.items():
        default = "required" if field.is_required() else f"default {properties[name].get('default')!r}"
        lines.append(f"{name} ({default}): {' '.join((field.description or '').split())}")
    return lines
