"""Pages whoever is due, in any system; started by whatever opens an incident, and by each step's due time.

Purpose: an incident is a row of the ledger, and its chain's next step has a due time there. A run of this
DAG is a wake-up: it takes every step that is due in any system, pages all of them at once, and asks for the
runs that the next steps need. Those stay queued until then and cost nothing.
Who is told: whom the chain of the incident names, through the first channel that takes the message.
By hand: trigger it at any time; it does only what is due, and two at once share the work.
When it fails: the steps stay due, the retry or the next run takes them, and `upkeep_watchdog` starts one
within a minute. What no channel takes goes to the next level at once and shows on the board.
"""

from datetime import timedelta

from airflow.sdk import DAG

from upkeep.operators.errors import retry_policy
from upkeep.operators.escalation import Escalate
from upkeep.runs.wakeups import ESCALATION, POOL

with DAG(
    ESCALATION,
    description="Pages the levels of open incidents that are due",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=32,
    is_paused_upon_creation=False,
    tags=["system:upkeep", "cadence:adhoc"],
    default_args={
        "owner": "upkeep",
        "retries": 3,
        "retry_delay": timedelta(seconds=5),
        "retry_policy": retry_policy(),
        "execution_timeout": timedelta(minutes=5),
        "pool": POOL,
        "priority_weight": 1000,
    },
):
    Escalate(task_id="escalate")
