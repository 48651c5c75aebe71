"""`upkeep demo` and `upkeep stop`: the sandbox, a real Airflow on it, the daily routines once."""

from __future__ import annotations

from typing import Annotated

import typer

Check = Annotated[
    bool, typer.Option("--check", help="Stop at the end; the exit status says whether all went as expected.")
]


def demo(check: Check = False) -> None:
    """Start everything, run the daily routines of all systems, show their findings."""
    from sandbox.demo.command import run_demo

    raise typer.Exit(run_demo(check=check))


def stop() -> None:
    """Stop everything that the demo and the sandbox started, and nothing else."""
    from sandbox.demo.command import stop_all

    stop_all()
