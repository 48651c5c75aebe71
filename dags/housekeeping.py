"""Keeps Airflow's own database small, every day.

Purpose: the watchdog runs every minute, half a million times a year, and each step of an escalation is a run
too. Their runs are deleted after a week with their task instances; what they did is in the ledger. Routines'
runs are history: they stay.
By hand: a dry run by default, which says how many runs it would delete; `dry_run: no` deletes, `keep_days`
keeps longer or shorter.
Needs: the connection `upkeep_airflow` with a user who may delete runs.
When it fails: nothing is lost, the next run deletes the rest. Tasks have no access to Airflow's database:
what has no run (the audit log, old jobs) is removed by Compose's service `database-cleaner`, elsewhere by
`scripts/container/clean-database` beside Airflow.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from upkeep.operators.cleanup import RemoveOldRuns
from upkeep.operators.errors import retry_policy
from upkeep.runs.cleanup import KEEP_DAYS, LEAST_DAYS
from upkeep.runs.parameters import DRY_RUN

with DAG(
    "upkeep_cleanup",
    description="Deletes the old runs of the suite's own DAGs",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("40 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["system:upkeep", "cadence:daily"],
    default_args={
        "owner": "upkeep",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_policy": retry_policy(),
        "execution_timeout": timedelta(minutes=30),
        "pool": "default_pool",
    },
    params={
        "keep_days": Param(KEEP_DAYS, type="integer", minimum=LEAST_DAYS, title="Days to keep"),
        "dry_run": Param(
            "auto",
            enum=list(DRY_RUN),
            title="Dry run",
            description="Whether to only say how many would be deleted; auto is dry unless scheduled.",
        ),
    },
):
    RemoveOldRuns(task_id="remove_old_runs")
