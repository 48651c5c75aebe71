"""An Airflow of the drill's own: its databases, the capture server, its ledger, and its late runs."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine

from sandbox import certificates, process
from sandbox.connections import airflow_connections
from sandbox.demo import platform
from sandbox.demo.environment import Platform
from sandbox.drills import incidents
from sandbox.drills.capture import Captured
from sandbox.drills.catalog import UNRELATED, late_dag, ten_dag, write_catalog
from sandbox.estate import Endpoint, Estate, PartState
from sandbox.parts import edge
from sandbox.parts.model import Context
from sandbox.parts.platform import CLUSTER
from sandbox.parts.postgres_cluster import Cluster
from upkeep.clients.airflow_api import AirflowApi
from upkeep.runs.pools import pool_name
from upkeep.runs.wakeups import ESCALATION, POOL

LEDGER = Cluster(
    name="ledger", databases={"ledger": "ledger"}, settings={"max_connections": "100"}, durable=True
)
"""The ledger's own server, so that it can be lost while Airflow's is not."""

START_SECONDS = 120.0


@dataclass(frozen=True)
class Drill:
    """What runs. systems: those that have incidents and a late routine."""

    folder: Path
    platform: Platform
    api: AirflowApi
    ledger: Engine
    captured: Captured
    systems: list[str]

    def miss_deadline(self, system: str, name: str) -> None:
        """Start a run of the system's late routine, whose tasks never start, and which is to page."""
        self.api.trigger(late_dag(system), name, {"page": True})

    def forget(self) -> None:
        """Start afresh: no open incident, nothing received."""
        incidents.end_all(self.ledger)
        self.captured.forget()


@contextmanager
def drill(systems: int, settings: Mapping[str, str] | None = None) -> Iterator[Drill]:
    """Run Airflow over `systems` small systems until the block ends.

    settings: environment variables besides those of the demo. Raises PartFailed or PartMissing.
    """
    # The databases' user cannot enter a folder of root's.
    folder = Path(tempfile.mkdtemp(prefix="upkeep-drill-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        names = write_catalog(folder / "systems", systems)
        estate = _estate(folder)
        connections = airflow_connections(estate) | {"upkeep_ledger": _connection(estate)}
        own = {"UPKEEP_SYSTEMS": str(folder / "systems"), **(settings or {})}
        started = platform.start(folder, estate, connections, own)
        ledger = create_engine(_url(estate), pool_pre_ping=True)
        with platform.api(started) as api:
            _prepare(api, names)
            yield Drill(folder, started, api, ledger, Captured(str(estate.part("capture").url)), names)
    finally:
        platform.stop(folder)
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Return when the condition holds. Raises TimeoutError, saying what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.2)


def _prepare(api: AirflowApi, names: list[str]) -> None:
    for name in names:
        # No slot: the runs stay as they are until their deadline, and take no worker from the escalation.
        api.ensure_pool(pool_name(name), 0, "Of the drill: nothing starts here")
    wanted = {*map(late_dag, names), ten_dag(UNRELATED), ESCALATION}
    wait_for(lambda: all(map(api.knows, wanted)), "Airflow knows the drill's DAGs")
    wait_for(lambda: {POOL, pool_name(UNRELATED)} <= api.pools(), "the watchdog makes the pools")


def _estate(folder: Path) -> Estate:
    certificates.prepare(folder)
    context = Context(folder=folder)
    parts: list[Endpoint] = [*edge.start(context), CLUSTER.start(context), LEDGER.start(context)]
    estate = Estate(folder=folder, state=PartState.UP, parts={part.name: part for part in parts})
    estate.save()  # a part that is started again finds its port there
    return estate


def _url(estate: Estate) -> URL:
    part = estate.part("ledger")
    password = estate.password("ledger", "ledger")
    return URL.create("postgresql+psycopg", "ledger", password, part.host, part.port, "ledger")


def _connection(estate: Estate) -> str:
    url = _url(estate)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": url.host,
            "port": url.port,
            "login": url.username,
            "password": str(url.password),
            "schema": url.database,
        }
    )
