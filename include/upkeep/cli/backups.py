"""`upkeep backups`: what is there, and how far it is proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from upkeep.findings.units import format_value

if TYPE_CHECKING:
    from upkeep.ledger.backups import Known

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
    """List backups with the level that each is proven to. Times are in UTC."""
    from upkeep.catalog.compiled import Catalog
    from upkeep.cli.ledger import engine
    from upkeep.ledger.backups import known_backups

    catalog, ledger = Catalog(), engine()
    for system_id in [system] if system else catalog.system_ids():
        for policy in catalog.system(system_id).backups:
            found = known_backups(ledger, system_id, policy, most)
            typer.echo(f"{system_id} {policy}" if found else f"{system_id} {policy}: none")
            for line in _lines(found):
                typer.echo(f"  {line}")


def _lines(found: Sequence[Known]) -> Iterator[str]:
    """Yield a line for each backup. No name is folded: people copy it into a form."""
    width = max((len(one.copy.name) for one in found), default=0)
    for one in found:
        size = format_value(one.copy.bytes, "bytes") if one.copy.bytes is not None else "unknown"
        level = one.proven.name.lower() if one.proven else "nothing"
        said = f"BROKEN: {'; '.join(one.broken)}" if one.broken else level
        made = f"{one.copy.started_at.astimezone(UTC):%Y-%m-%d %H:%M}"
        yield f"{one.copy.name:<{width}}  {made}  {size:>9}  {said}"


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
