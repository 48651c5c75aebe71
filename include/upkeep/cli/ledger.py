"""`upkeep ledger`: the evidence database."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(help="The ledger: the database that keeps the evidence.", no_args_is_help=True)

URL_VARIABLE = "UPKEEP_LEDGER_URL"
URL_FORM = "postgresql+psycopg://user:password@host:port/database"

Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this, only say what would be done.")]


def engine() -> Engine:
    """Return the engine of the ledger.

    It is that of `$UPKEEP_LEDGER_URL`, else of Airflow's connection `upkeep_ledger`, else of the demo that
    runs in this checkout, which stderr then says. Raises ConfigurationError where there is none of them.
    """
    if url := os.environ.get(URL_VARIABLE):
        return _engine_of(url)
    from upkeep.operators.ledger import LEDGER_CONNECTION, ledger_connection, ledger_engine

    try:
        ledger_connection()
    except ConfigurationError as e:
        if (found := _demo_ledger()) is not None:
            typer.echo(f"upkeep: the ledger is the running demo's; ${URL_VARIABLE} names another", err=True)
            return found
        raise ConfigurationError(
            f"there is no ledger: set ${URL_VARIABLE} to {URL_FORM}, or run this where Airflow has the "
            f"connection {LEDGER_CONNECTION!r}; `make demo` starts one to try"
        ) from e
    return ledger_engine()


def _engine_of(url: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool

    try:
        return create_engine(url, poolclass=NullPool)
    except ArgumentError:
        # The text of SQLAlchemy's own error repeats the URL, and with it the password.
        raise ConfigurationError(f"${URL_VARIABLE} is no database URL; write {URL_FORM}") from None


def _demo_ledger() -> Engine | None:
    """Return the ledger of the sandbox that runs in this checkout, None where none does."""
    try:
        from sandbox import commands
        from sandbox.demo.show import ledger
        from sandbox.errors import SandboxError
    except ModuleNotFoundError:  # a real installation leaves out what the sandbox needs
        return None
    try:
        return ledger(commands.status())
    except SandboxError:
        return None


@app.command()
def migrate() -> None:
    """Bring the ledger's tables to this version; safe to repeat and to run from two places at once."""
    from upkeep.ledger.migrate import current_revision, upgrade

    ledger = engine()
    # Where Airflow was asked for the connection, its logging would print Alembic's lines among ours.
    logging.getLogger("alembic").setLevel(logging.WARNING)
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
