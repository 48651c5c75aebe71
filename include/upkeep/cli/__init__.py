"""The command `upkeep`."""

from __future__ import annotations

import sys

import typer

from upkeep.cli import catalog, coverage, demo, incidents, ledger, sandbox
from upkeep.errors import UpkeepError

app = typer.Typer(
    help="The maintenance of production systems as Apache Airflow DAGs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(catalog.app, name="catalog")
app.add_typer(incidents.app, name="incidents")
app.add_typer(ledger.app, name="ledger")
app.add_typer(sandbox.app, name="sandbox")
app.command()(coverage.coverage)
app.command()(demo.demo)
app.command()(demo.stop)


def main() -> None:
    """Run the command; an error raised on purpose is one line on stderr and status 1."""
    try:
        app()
    except UpkeepError as e:
        print(f"upkeep: {e}", file=sys.stderr)
        sys.exit(1)
