"""Starts and stops the demo's Airflow: four processes of ours, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox import process
from sandbox.credentials import write_private
from sandbox.demo.environment import CHECKOUT, Platform, Ports, prepare, variables
from sandbox.demo.lost import forget_what_ended
from sandbox.demo.show import ledger
from sandbox.errors import PartFailed
from sandbox.estate import Estate
from sandbox.ports import free_port, is_free
from upkeep.clients.airflow_api import AirflowApi, Login, wait_until_healthy

FAVOURITE_PORT = 8080
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTHY_SECONDS = 300.0
ENVIRONMENT = "environment.json"
"""What the components were started with; it holds secrets and is private."""


def find(state: Path) -> Platform | None:
    """Return the demo's Airflow as it was last started, or None."""
    file = state / "airflow" / "ports.json"
    if not file.exists():
        return None
    return Platform(state / "airflow", Ports(**json.loads(file.read_text())))


def running(platform: Platform) -> bool:
    """Return whether all components run."""
    alive = {child.name for child in process.recorded(platform.folder) if process.alive(child)}
    return alive >= set(COMPONENTS)


def start(
    state: Path,
    estate: Estate,
    connections: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
    favourite_port: int | None = None,
) -> Platform:
    """Start Airflow unless it runs, migrate its database and the ledger first, wait until it is healthy.

    connections: what Airflow shall know. settings: environment variables besides those of the demo.
    favourite_port: the UI's, where it is free; any free one otherwise.
    """
    known = find(state)
    if known and running(known):
        return known
    stop(state)
    platform = Platform(state / "airflow", _ports(known, favourite_port))
    prepare(platform)
    (platform.folder / "ports.json").write_text(json.dumps(vars(platform.ports)))
    environment = variables(platform, estate, connections) | dict(settings or {})
    write_private(platform.folder / ENVIRONMENT, json.dumps(environment))
    _run(platform, environment, "airflow", "db", "migrate")
    _run(platform, environment, "upkeep", "ledger", "migrate")
    forget_what_ended(ledger(estate), estate)
    for component in COMPONENTS:
        process.start(platform.folder, component, [_program("airflow"), component], environment=environment)
    with api(platform) as airflow:
        wait_until_healthy(airflow, HEALTHY_SECONDS)
    return platform


def stop(state: Path) -> list[str]:
    """Stop the components that run; return their names."""
    folder = state / "airflow"
    # The scheduler first, so that nothing is started while the others end.
    children = sorted(process.recorded(folder), key=lambda child: child.name != "scheduler")
    return [child.name for child in children if process.stop(folder, child)]


def api(platform: Platform) -> AirflowApi:
    """Return a session with the demo's Airflow as its admin."""
    return AirflowApi(Login(platform.url, "admin", platform.password("admin")))


def run(state: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment, such as `airflow backfill create …`, against this Airflow."""
    platform = find(state)
    if platform is None:
        raise PartFailed("Airflow has never been started here; run `make demo`")
    return _run(platform, json.loads((platform.folder / ENVIRONMENT).read_text()), *command)


def _run(platform: Platform, environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [_program(command[0]), *command[1:]],
        env={**os.environ, **environment},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    log = platform.folder / "logs"
    log.mkdir(mode=0o700, exist_ok=True)
    (log / f"{'-'.join(command[:3])}.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it left no message"]
        raise PartFailed(f"`{' '.join(command)}` failed: {words[0]} (log: {log})")
    return done


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _ports(known: Platform | None, favourite: int | None) -> Ports:
    if known and all(map(is_free, vars(known.ports).values())):
        return known.ports
    api = favourite if favourite and is_free(favourite) else free_port()
    return Ports(api=api, worker_logs=free_port(), trigger_logs=free_port())
