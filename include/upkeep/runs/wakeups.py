"""Wake-ups: runs of the escalation DAG that stay queued until a step of some chain is due.

An incident is a row of the ledger; a run is a wake-up. A queued run with a future `run_after` costs the
scheduler nothing, whereas a run that waits is looked at in each of its loops: 1,000 of them slowed an
unrelated chain of six tasks from 2 to 67 s (measured with Airflow 3.3.2). A run serves all that is due in
any system, and asks for the next: there is always one for the earliest step, not one for each.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from upkeep.clients.airflow_api import AirflowApi

ESCALATION = "upkeep_escalation"
"""The DAG that serves whatever is due in any system."""

POOL = "upkeep_escalation"
"""Its pool: no routine may keep a page waiting for a slot."""


def run_id(due: datetime) -> str:
    """Return the name of the wake-up for a second: asked for twice, there is one run.

    >>> run_id(datetime(2026, 3, 1, 6, 0, 0, 1, tzinfo=UTC))
    'wake_20260301T060001Z'
    """
    return f"wake_{_whole_second(due):%Y%m%dT%H%M%SZ}"


def wake(api: AirflowApi, due: datetime, now: datetime) -> bool:
    """Ask for a run when a step is due; False where there is one already.

    due: rounded up to a whole second, so that the run never comes before the step is due. What is due
    already gets a run at once, with a name that no finished run can hold.
    """
    if due <= now:
        return api.trigger(ESCALATION, f"wake_{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}")
    return api.trigger(ESCALATION, run_id(due), run_after=_whole_second(due))


def _whole_second(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)
