"""What happens when a run misses its deadline: the miss is recorded, and its incident opens."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

log = logging.getLogger(__name__)


async def record_miss(
    *, system: str, routine: str, owner: str, deadline_seconds: float, context: dict[str, Any]
) -> None:
    """Record that a run missed its deadline; runs in the triggerer, and again if that is killed.

    Airflow gives the run, and the deadline's id and time as text or as itself. A run that has succeeded
    meanwhile was in time enough to need no record: success prunes deadlines, but one may just be firing.
    One that was started by hand opens an incident only where it was asked to, one of the past opens none.
    """
    run, deadline = context["dag_run"], context["deadline"]
    if run.get("state") == "success":
        return
    missed_at = deadline["deadline_time"]
    if isinstance(missed_at, str):
        missed_at = datetime.fromisoformat(missed_at)
    log.warning("%s %s missed its deadline of %s", run["dag_id"], run["dag_run_id"], missed_at.isoformat())
    miss = {
        "dag_id": run["dag_id"],
        "run_id": run["dag_run_id"],
        "system": system,
        "routine": routine,
        "owner": owner,
        "deadline_at": missed_at,
        "allowed_seconds": deadline_seconds,
    }
    try:
        await asyncio.to_thread(_raise, run, miss)
    finally:  # also where nobody could be paged
        await asyncio.to_thread(_record, miss)


def _raise(run: dict[str, Any], miss: dict[str, Any]) -> None:
    # Imported here: the triggerer loads this module in its event loop.
    from upkeep.catalog.compiled import Catalog
    from upkeep.incidents.signals import missed_deadline
    from upkeep.operators.escalation import raise_signals
    from upkeep.watch.runs import named, pages

    plan = next(Catalog().plans(dag_id=miss["dag_id"]), None)
    if plan is None or not pages(run, plan):
        return
    allowed = timedelta(seconds=miss["allowed_seconds"])
    raise_signals(missed_deadline(named(run, plan), miss["deadline_at"], allowed, datetime.now(UTC)))


def _record(miss: dict[str, Any]) -> None:
    from upkeep.ledger.writes import record_deadline_miss
    from upkeep.operators.ledger import ledger_engine

    record_deadline_miss(ledger_engine(), **miss)
