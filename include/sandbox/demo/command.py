"""The demo from start to end, as a person sees it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandbox import commands
from sandbox.connections import airflow_connections
from sandbox.demo import platform, runs, show
from sandbox.demo.environment import USERS, Platform
from sandbox.demo.expected import differences
from sandbox.estate import PartState
from sandbox.paths import state_folder
from upkeep.catalog.compiled import Catalog
from upkeep.clients.airflow_api import AirflowApi
from upkeep.runs.pools import ensure_pools

KNOWN_SECONDS = 90.0
"""How long Airflow may take to know a DAG file."""

RUNS_SECONDS = 300.0


def run_demo(*, check: bool) -> int:
    """Run the demo; return the exit status. With `check`, everything is stopped at the end."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    began = time.monotonic()
    try:
        return _demo(console, check=check, began=began)
    finally:
        if check:
            stop_all(console)


def stop_all(console: Console | None = None) -> None:
    """Stop Airflow and the sandbox, and say what was stopped."""
    console = console or Console()
    stopped = platform.stop(state_folder())
    parts = commands.down()
    console.print(
        f"stopped: {', '.join([*stopped, *parts])}" if stopped or parts else "nothing of ours was running"
    )


def _demo(console: Console, *, check: bool, began: float) -> int:
    with _progress(console) as progress:
        with _step(progress, "sandbox: the estate that the systems live in"):
            estate = commands.up()
        for part in estate.parts.values():
            if part.state is not PartState.UP:
                progress.console.print(f"[yellow]{part.name} is not there:[/] {part.why}; {part.costs}")
        with _step(progress, "Airflow: database, scheduler, API server, triggerer"):
            airflow = platform.start(
                state_folder(), estate, airflow_connections(estate), favourite_port=platform.FAVOURITE_PORT
            )
        with platform.api(airflow) as api:
            ended = _run(progress, api)
    findings = show.findings(estate, ended)
    console.print(show.table(findings))
    console.print(show.counts(findings, ended))
    complete = all(part.state is PartState.UP for part in estate.parts.values())
    unexpected = differences(findings, ended, complete=complete)
    for line in unexpected:
        console.print(f"[red]not as expected:[/] {line}", highlight=False)
    console.print(f"[dim]{time.monotonic() - began:.0f} s from start to findings[/]")
    if not check:
        _invite(console, airflow)
    return 1 if check and unexpected else 0


def _run(progress: Progress, api: AirflowApi) -> list[runs.Run]:
    catalog = Catalog()
    ensure_pools(api, [*catalog.system_ids(), "escalation"])
    dag_ids = [plan.dag_id for plan in catalog.plans(cadence="daily")]
    with _step(progress, "Airflow reads the DAGs"):
        runs.wait_for_dags(api, dag_ids, KNOWN_SECONDS)
    bar = progress.add_task("the daily routines of all systems", total=len(dag_ids))
    return runs.run_all(api, dag_ids, RUNS_SECONDS, ended=lambda _: progress.advance(bar))


def _invite(console: Console, airflow: Platform) -> None:
    if airflow.ports.api != platform.FAVOURITE_PORT:
        console.print(
            f"[yellow]port {platform.FAVOURITE_PORT} was taken:[/] Airflow's address is another one"
        )
    console.print(f"\n[bold]Airflow[/] {airflow.url}   (board: {airflow.url}/upkeep/)")
    for user, role in USERS.items():
        console.print(f"  {user} / {airflow.password(user)}  ({role})")
    console.print("[dim]`make stop` ends everything; `upkeep sandbox fault` lists what can be broken[/]")


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


@contextmanager
def _step(progress: Progress, title: str) -> Iterator[None]:
    task = progress.add_task(title, total=1)
    yield
    progress.update(task, completed=1)
    if not progress.console.is_terminal:
        progress.console.print(f"{title}: done")
