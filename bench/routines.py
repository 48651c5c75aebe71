"""A routine's wall time against a DAG of its shape whose tasks do nothing, on a real Airflow."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bench.rows import Row
from sandbox import commands
from sandbox.connections import airflow_connections
from sandbox.demo import platform, runs
from sandbox.estate import Estate
from sandbox.paths import state_folder
from upkeep.clients.airflow_api import AirflowApi
from upkeep.runs.pools import ensure_pools

ROUTINE = "zetra_daily_checks"
"""Five procedures that read Prometheus, Kubernetes, S3, TLS end points and HTTP."""

ROUNDS = 25
"""One run takes from 0.7 to 1.2 of another: the median of nine was off by a tenth."""
UNCOUNTED = 4
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
BUNDLES = [
    {"name": "dags-folder", "classpath": LOCAL, "kwargs": {}},
    {"name": "bench", "classpath": LOCAL, "kwargs": {"path": str(Path(__file__).parent / "dags")}},
]


DAGS = (ROUTINE, "noop", "bare")
"""The routine, its shape doing nothing, and its shape asking the same servers with nothing around it."""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows of a routine; the sandbox and Airflow run in a folder of their own meanwhile."""
    del folder  # the databases' user cannot enter it
    with _estate() as estate:
        cold = _rounds(estate, "LocalExecutor", rounds=2)
        warm = _rounds(estate, "upkeep.executors.warm_local.WarmLocalExecutor", rounds=ROUNDS)
    ours, nothing, bare = (statistics.median(times) for times in zip(*warm, strict=True))
    unprepared = statistics.median(times[0] for times in cold)
    note = f"{ROUTINE} {ours:.2f} s, no-op {nothing:.2f} s; {unprepared:.2f} s with workers not preloaded"
    value = statistics.median(routine / noop for routine, noop, _ in warm)
    unit = "x the same shape doing nothing"
    yield Row("routine.vs_noop", value, unit, 1.5, note)
    value = statistics.median(asking / noop for _, noop, asking in warm)
    yield Row("routine.bare", value, unit, None, f"the same questions through the hooks alone, {bare:.2f} s")


def _rounds(estate: Estate, executor: str, rounds: int) -> list[tuple[float, ...]]:
    """Return the seconds of the three DAGs in turn, after rounds that do not count.

    By the time of those that count, every worker has preloaded and has run a task.
    """
    settings = {
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        # Parsing the files again takes a core for seconds, and would fall into some rounds and not others.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "UPKEEP_BENCH_ROUTINE": ROUTINE,
    }
    started = platform.start(state_folder(), estate, airflow_connections(estate), settings)
    try:
        with platform.api(started) as api:
            ensure_pools(api, ["zetra"])
            runs.wait_for_dags(api, [ROUTINE], 90)
            _wait_for_others(api)
            found = [tuple(seconds(api, dag) for dag in DAGS) for _ in range(rounds + UNCOUNTED)]
    finally:
        platform.stop(state_folder())
    return found[UNCOUNTED:]


def seconds(api: AirflowApi, dag_id: str) -> float:
    """Return the wall time of one run, from its start to its end as Airflow recorded them."""
    run_id = f"bench_{time.time_ns()}"
    # A run that pages does what a scheduled one does: it resolves incidents and sends the digest.
    api.trigger(dag_id, run_id, {"page": True} if dag_id == ROUTINE else None)
    end = time.monotonic() + 120
    while (run := api.run(dag_id, run_id))["state"] not in runs.ENDED:
        if time.monotonic() > end:
            raise TimeoutError(f"{dag_id} {run_id} has not ended: {run['state']}")
        time.sleep(0.5)  # each look costs the API server as much as a task's start
    if run["state"] != "success":
        raise RuntimeError(f"{dag_id} {run_id} failed: its time says nothing")
    started, ended = (datetime.fromisoformat(run[key]) for key in ("start_date", "end_date"))
    return (ended - started).total_seconds()


def _wait_for_others(api: AirflowApi) -> None:
    end = time.monotonic() + 90
    while not all(api.knows(dag) for dag in DAGS):
        if time.monotonic() > end:
            raise TimeoutError(f"Airflow does not know {', '.join(DAGS)}")
        time.sleep(0.5)


@contextmanager
def _estate() -> Iterator[Estate]:
    state = tempfile.mkdtemp(prefix="upkeep-bench-", dir="/var/tmp")
    Path(state).chmod(0o711)
    before = os.environ.get("UPKEEP_STATE")
    os.environ["UPKEEP_STATE"] = state
    try:
        yield commands.up()
    finally:
        platform.stop(state_folder())
        commands.down()
        if before is None:
            del os.environ["UPKEEP_STATE"]
        else:
            os.environ["UPKEEP_STATE"] = before
        shutil.rmtree(state, ignore_errors=True)
