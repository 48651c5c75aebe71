"""Runs and tasks that wait too long while the scheduler says that it is well: no slots, no workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from upkeep.clients.airflow_api import AirflowApi
from upkeep.incidents.model import Signal
from upkeep.incidents.outside import of_the_suite
from upkeep.incidents.severities import LATE_SEVERITY
from upkeep.incidents.subjects import OWN_SYSTEM
from upkeep.ledger import watch
from upkeep.ledger.recovery import resolve_subjects
from upkeep.runs.pools import pool_name

LIMIT = timedelta(minutes=10)
"""How long a run or a task may wait. Backfills wait for each other, and for them nobody waits."""

LONGEST_GAP = timedelta(minutes=3)
"""Between two looks: after a longer one Airflow itself stood still, and the waiting is counted anew."""

QUEUE, WAITING = "queue", "waiting"
SHOWN = 5
MOST_RUNS = 100


def too_old(
    api: AirflowApi, engine: Engine, going: Sequence[Mapping[str, Any]], own: set[str], now: datetime
) -> list[Signal]:
    """Return the signal of a queue that stands still, and resolve the one of a queue that moves again.

    going: the runs that are queued or running and whose time has come. own: the routines' DAGs; besides them
    only the suite's own count. Since when something waits is counted here: Airflow puts a task that no
    worker takes back after ten minutes, and counts from then.
    """
    last = watch.good_at(engine, WAITING)
    if last is None or now - last > LONGEST_GAP:
        with watch.follow(engine, WAITING, [], now):
            return []
    waiting = [*_runs(going, own), *_tasks(api.waiting_tasks(pool_name(""), now))]
    with watch.follow(engine, WAITING, waiting, now) as followed:
        old = sorted((since, name) for name, since in followed.since.items() if since + LIMIT <= now)
    with watch.follow(engine, QUEUE, [QUEUE] if old else [], now) as queue:
        if queue.over:
            resolve_subjects(engine, OWN_SYSTEM, [QUEUE], now)
    return [_signal(old, queue.since[QUEUE], now)] if old else []


def _signal(old: Sequence[tuple[datetime, str]], began_at: datetime, now: datetime) -> Signal:
    names = ", ".join(name for _, name in old[:SHOWN])
    minutes = LIMIT.total_seconds() / 60
    return of_the_suite(
        QUEUE,
        title=f"{len(old)} runs or tasks have waited for more than {minutes:g} minutes",
        summary=f"Look for pools without free slots, paused DAGs and workers that take nothing: {names}.",
        began_at=began_at,
        now=now,
        severity=LATE_SEVERITY,
    )


def _runs(going: Sequence[Mapping[str, Any]], own: set[str]) -> Iterator[str]:
    """Yield the queued runs that wait for no other run of their DAG, the longest due first."""
    busy = {run["dag_id"] for run in going if run["state"] == "running"}
    queued = [
        run
        for run in going
        if run["state"] == "queued"
        and run["dag_id"] not in busy
        and run["run_type"] != "backfill"
        and (run["dag_id"] in own or run["dag_id"].startswith(f"{OWN_SYSTEM}_"))
    ]
    for run in sorted(queued, key=lambda run: datetime.fromisoformat(run["run_after"]))[:MOST_RUNS]:
        yield f"{run['dag_id']} {run['dag_run_id']}"


def _tasks(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        index = f"[{row['map_index']}]" if row["map_index"] >= 0 else ""
        yield f"{row['dag_id']} {row['dag_run_id']} {row['task_id']}{index} try {row['try_number']}"
