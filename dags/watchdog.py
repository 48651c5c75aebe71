"""Looks after the suite itself, every minute.

Purpose: a new system needs nothing but its YAML file, so what Airflow needs besides is made here: a
pool for each system. A task whose pool does not exist is never scheduled, and Airflow says so only in
a log.
Needs: the connection `upkeep_airflow` (http): Airflow's own API server, and a user who may edit pools.
When it fails: the message names the connection or the right that is missing. Running systems are not
touched; only those added since the last success wait.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from upkeep.operators.watchdog import EnsurePools

with DAG(
    "upkeep_watchdog",
    description="Makes the pools that systems need",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["system:upkeep", "cadence:minutely"],
    default_args={
        "owner": "upkeep",
        "retries": 0,  # the next run comes in a minute
        "execution_timeout": timedelta(seconds=50),
        # Not a pool of ours: this is the task that makes them.
        "pool": "default_pool",
        "priority_weight": 100,
    },
):
    EnsurePools(task_id="ensure_pools")
