"""`upkeep sandbox`: the local estate."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="The sandbox: a local estate that the five systems live in.", no_args_is_help=True)


@app.command()
def up() -> None:
    """Start everything; what runs already is left alone."""
    from sandbox import commands

    commands.up()
    status()


@app.command()
def down() -> None:
    """Stop everything that `up` started, and nothing else."""
    from sandbox import commands

    stopped = commands.down()
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status() -> None:
    """Show what runs, where, and what is missing at which cost."""
    from sandbox import commands

    table = Table("part", "state", "address", "")
    for part in commands.status().parts.values():
        colour = "green" if part.state == "up" else "yellow"
        table.add_row(
            part.name,
            f"[{colour}]{part.state}[/]",
            f"{part.host}:{part.port}" if part.port else "",
            " — ".join(filter(None, [part.why, part.costs])),
        )
    Console().print(table)


@app.command()
def fault(
    name: Annotated[str | None, typer.Argument(help="Which fault; without it, they are listed.")] = None,
) -> None:
    """Make one thing truly wrong at its source."""
    from sandbox import commands

    if name:
        typer.echo(commands.fault(name))
        return
    table = Table("fault", "system", "what goes wrong", "which finding changes")
    for entry in commands.faults():
        table.add_row(entry.name, entry.system, entry.breaks, entry.finding)
    Console().print(table)


@app.command()
def heal(name: Annotated[str, typer.Argument(help="Which fault to undo.")]) -> None:
    """Undo a fault."""
    from sandbox import commands

    typer.echo(commands.heal(name))
