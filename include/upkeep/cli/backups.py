"""`upkeep backups`: what is there, and how far it is proven."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from upkeep.cli.dumping import dump

app = typer.Typer(
    help="Backups as the ledger knows them. They are made and restored in Airflow.", no_args_is_help=True
)
app.command()(dump)


@app.command(name="list")
def show_list(
    system: Annotated[str | None, typer.Argument(help="A system; by default all.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Backups shown of each policy, newest first.")] = 5,
) -> None:
    """List backups with the level that each is proven to."""
    from upkeep.catalog.compiled import Catalog
    from upkeep.cli.ledger import engine
    from upkeep.ledger.backups import known_backups

    catalog, ledger = Catalog(), engine()
    table = Table()
    for heading in ("System", "Policy", "Backup", "Made", "Bytes", "Proven"):
        table.add_column(heading, overflow="fold")
    for system_id in [system] if system else catalog.system_ids():
        for policy in catalog.system(system_id).backups:
            for one in known_backups(ledger, system_id, policy, most):
                size = f"{one.copy.bytes:,}" if one.copy.bytes is not None else "unknown"
                made = f"{one.copy.started_at:%Y-%m-%d %H:%M:%S} UTC"
                level = one.proven.name.lower() if one.proven else "nothing"
                said = f"BROKEN: {'; '.join(one.broken)}" if one.broken else level
                table.add_row(system_id, policy, one.copy.name, made, size, said)
    Console().print(table)


@app.command()
def forget(
    system: Annotated[str, typer.Argument(help="The system.")],
    policy: Annotated[str, typer.Argument(help="The backup policy.")],
    name: Annotated[str, typer.Argument(help="The backup, as `upkeep backups list` shows it.")],
    why: Annotated[str, typer.Option(help="What became of it; kept with its record.")],
) -> None:
    """Note that a backup is gone which the suite did not delete; it is no longer missed. Deletes nothing."""
    from upkeep.cli.ledger import engine
    from upkeep.ledger.backups import backup_id, known_backup, record_deleted

    ledger = engine()
    known = known_backup(ledger, backup_id(system, policy, name))
    if known is None or known.deleted:
        typer.echo(f"the ledger has no backup {name!r} of {system}/{policy} that is there", err=True)
        raise typer.Exit(2)
    record_deleted(ledger, system, policy, {name: why}, datetime.now(UTC))
    typer.echo(f"{name} of {system}/{policy} is no longer missed: {why}")
