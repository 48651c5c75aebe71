"""What happens when a task of a routine has failed for good: its incident opens, or hears of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)


def task_failed(context: Any) -> None:
    """Open an incident for the run; called by Airflow after the last attempt of a task.

    A worker that is killed with its task calls nothing: the watchdog finds the failed run within a minute.
    """
    from upkeep.errors import UpkeepError
    from upkeep.incidents.signals import failed_run
    from upkeep.operators.escalation import raise_signals
    from upkeep.operators.run import run_of, run_parameters

    ti = context["ti"]
    routine = ti.task.routine
    try:
        wanted = run_parameters(context, routine)
    except UpkeepError:
        return  # a run by hand with parameters that make no sense: whoever started it sees it fail
    # As of when it began: one that has gone on into the next one's time has failed all the same.
    run = run_of(context, routine, wanted, at=context["dag_run"].start_date)
    if run is not None:
        now = datetime.now(UTC)
        raise_signals(failed_run(run, failed_at=now, now=now, tasks=[ti.task_id]))
