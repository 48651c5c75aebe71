"""`upkeep ledger`: the evidence database."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(help="The ledger: the database that keeps the evidence.", no_args_is_help=True)

URL_VARIABLE = "UPKEEP_LEDGER_URL"

Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this, only say what would be done.")]


def engine() -> Engine:
    """Return the engine of the ledger: `$UPKEEP_LEDGER_URL`, else Airflow's connection `upkeep_ledger`."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool

    url = os.environ.get(URL_VARIABLE)
    if not url:
        from upkeep.operators.ledger import ledger_engine

        return ledger_engine()
    try:
        return create_engine(url, poolclass=NullPool)
    except ArgumentError:
        # The text of SQLAlchemy's own error repeats the URL, and with it the password.
        raise ConfigurationError(
            f"${URL_VARIABLE} is no database URL; write postgresql+psycopg://user:password@host:port/database"
        ) from None


@app.command()
def migrate() -> None:
    """Bring the ledger's tables to this version; safe to repeat and to run from two places at once."""
    from upkeep.ledger.migrate import current_revision, upgrade

    ledger = engine()
    before = current_revision(ledger)
    upgrade(ledger)
    after = current_revision(ledger)
    typer.echo(f"the ledger is at {after}" + ("" if before == after else f" (was {before or 'empty'})"))


@app.command()
def prune(
    keep_months: Annotated[int, typer.Option(min=1, help="Whole months of measurements to keep.")] = 24,
    yes: Yes = False,
) -> None:
    """Drop the months of measurements that are older than the retention. Findings stay."""
    from upkeep.ledger.partitions import drop_before, expired_partitions

    ledger = engine()
    now = datetime.now(UTC)
    names = expired_partitions(ledger, now, keep_months)
    if not names:
        typer.echo(f"nothing is older than {keep_months} months")
    elif yes:
        drop_before(ledger, now, keep_months)
        typer.echo(f"dropped {', '.join(names)}")
    else:
        typer.echo(f"would drop {', '.join(names)}; add --yes to do it")
