"""A real Airflow on a real PostgreSQL, with a catalog of the tests' own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from sandbox import process
from sandbox.demo import platform
from sandbox.demo.environment import Platform
from sandbox.errors import PartMissing
from sandbox.estate import Estate, PartState
from sandbox.parts.model import Context
from sandbox.parts.platform import CLUSTER
from upkeep.clients.airflow_api import AirflowApi


@dataclass(frozen=True)
class RunningAirflow:
    """Airflow, its API as admin, its ledger, and the folder of its catalog."""

    state: Path
    systems: Path
    platform: Platform
    api: AirflowApi
    ledger: Engine

    def command(self, *words: str) -> str:
        return platform.run(self.state, *words).stdout


@contextmanager
def airflow(systems: Path, connections: Mapping[str, str]) -> Iterator[RunningAirflow]:
    """Run all components of Airflow over the catalog in `systems` until the block ends."""
    # Not below pytest's own folder, which the database's user may not enter when root runs the tests.
    state = Path(tempfile.mkdtemp(prefix="upkeep-airflow-", dir="/var/tmp"))
    state.chmod(0o711)
    try:
        estate = _database(state)
        ledger = _ledger_url(estate)
        known = {"upkeep_ledger": _connection(ledger), **connections}
        settings = {
            "UPKEEP_SYSTEMS": str(systems),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        }
        started = platform.start(state, estate, known, settings)
        with platform.api(started) as api:
            engine = create_engine(ledger, poolclass=NullPool)
            yield RunningAirflow(state, systems, started, api, engine)
    finally:
        platform.stop(state)
        for child in process.recorded(state):
            process.stop(state, child)
        shutil.rmtree(state, ignore_errors=True)


def _database(state: Path) -> Estate:
    try:
        where = CLUSTER.start(Context(folder=state))
    except PartMissing as e:
        pytest.skip(str(e))
    return Estate(folder=state, state=PartState.UP, parts={"platform": where})


def _ledger_url(estate: Estate) -> URL:
    part = estate.part("platform")
    password = estate.password("platform", "ledger")
    return URL.create("postgresql+psycopg", "ledger", password, part.host, part.port, "ledger")


def _connection(url: URL) -> str:
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
