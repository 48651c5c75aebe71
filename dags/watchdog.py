"""Looks after the suite itself, every minute.

Purpose: callbacks make an incident fast, this makes it sure. It derives again what should be open (failed,
late and missing runs, DAGs that Airflow does not know, critical findings, a broken catalog, missing
connections, a queue that stands still, a silent part of Airflow), wakes steps that are due and pages that
wait, makes the pools that systems need (a task whose pool does not exist is never scheduled), and beats an
outside heartbeat.
Needs: the connections `upkeep_airflow` (http: Airflow's own API server, and a user who may edit pools and
trigger `upkeep_escalation`), `upkeep_ledger`, and for the heartbeat `upkeep_heartbeat`, whose password is
the ping URL of a dead man's switch.
When it fails: the message names the connection or the right that is missing. Running systems are not
touched. If it fails for minutes, the outside heartbeat pages.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from upkeep.operators.watchdog import EnsurePools, Heartbeat, Reconcile

with DAG(
    "upkeep_watchdog",
    description="Finds what was lost, wakes what is due, makes what is missing",
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
    pools = EnsurePools(task_id="ensure_pools")
    reconcile = Reconcile(task_id="reconcile")
    pools >> reconcile >> Heartbeat(task_id="heartbeat", trigger_rule=TriggerRule.ALL_DONE)
