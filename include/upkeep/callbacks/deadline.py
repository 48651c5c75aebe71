"""What happens when a run misses its deadline: the miss is recorded in the ledger."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any

log = logging.getLogger(__name__)


async def record_miss(
    *, system: str, routine: str, owner: str, deadline_seconds: float, context: dict[str, Any]
) -> None:
    """Record that a run missed its deadline; runs in the triggerer, and again if that is killed.

    Airflow gives the run, and the deadline's id and time as text or as itself. A run that has succeeded
    meanwhile was in time enough to need no record: success prunes deadlines, but one may just be firing.
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
    await asyncio.to_thread(_record, miss)


def _record(miss: dict[str, Any]) -> None:
    # Imported here: the triggerer loads this module in its event loop.
    from upkeep.ledger.writes import record_deadline_miss
    from upkeep.operators.ledger import ledger_engine

    record_deadline_miss(ledger_engine(), **miss)
