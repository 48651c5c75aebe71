"""Removes the suite's own old runs: the watchdog alone makes half a million a year.

Routines' runs are history and stay. Through Airflow's API, for tasks have no access to its database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from upkeep.clients.airflow_api import AirflowApi
from upkeep.runs.wakeups import ESCALATION

OWN_DAGS = ("upkeep_watchdog", ESCALATION, "upkeep_cleanup")
"""The DAGs whose runs say nothing that the ledger does not keep."""

KEEP_DAYS = 7
LEAST_DAYS = 2
"""The watchdog looks a day back for what it may have missed."""


def remove_old_runs(
    api: AirflowApi, now: datetime, keep_days: int, *, dry: bool, dag_ids: Sequence[str] = OWN_DAGS
) -> dict[str, int]:
    """Delete the runs that ended longer ago than `keep_days`; return how many of each DAG it is, or would be.

    In batches of one page: a run of this that is interrupted has done a part, and the next does the rest.
    """
    before = now - timedelta(days=keep_days)
    return {dag_id: _remove(api, dag_id, before, dry) for dag_id in dag_ids if api.knows(dag_id)}


def _remove(api: AirflowApi, dag_id: str, before: datetime, dry: bool) -> int:
    run_ids, count = api.ended_before(dag_id, before)
    if dry:
        return count
    removed = 0
    while run_ids:
        removed += api.delete_runs(dag_id, run_ids)
        run_ids, _ = api.ended_before(dag_id, before)
    return removed
