"""The command `upkeep`."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from upkeep.cli import alertmanager, backups, catalog, coverage, demo, incidents, ledger, sandbox
from upkeep.errors import UpkeepError

app = typer.Typer(
    help="The maintenance of production systems as Apache Airflow DAGs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(catalog.app, name="catalog")
app.add_typer(backups.app, name="backups")
app.add_typer(incidents.app, name="incidents")
app.add_typer(ledger.app, name="ledger")
app.add_typer(sandbox.app, name="sandbox")
app.command()(alertmanager.alertmanager_token)
app.command()(coverage.coverage)
app.command()(demo.demo)
app.command()(demo.stop)


def main() -> None:
    """Run the command; an error raised on purpose is one line on stderr and status 1."""
    try:
        app()
    except _raised_on_purpose() as e:
        _fail(str(e))
    except ModuleNotFoundError as e:
        if e.name != "sandbox":
            raise
        _fail("this installation has no sandbox; run it from a checkout, after `make setup`")


def _raised_on_purpose() -> tuple[type[Exception], ...]:
    try:
        from sandbox.errors import SandboxError
    except ModuleNotFoundError:  # the image leaves the sandbox out
        return (UpkeepError,)
    return UpkeepError, SandboxError


def _fail(why: str) -> NoReturn:
    print(f"upkeep: {why}", file=sys.stderr)
    sys.exit(1)
