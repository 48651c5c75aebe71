"""The daily routines of every system.

Purpose: health, error rates, overnight alerts, backups, security and performance, every day.
What runs: each daily routine of the catalog (`include/systems/*.yaml`) is one DAG, `<system>_<routine>`,
with one task per procedure. Findings go to the ledger, a report is linked from each run's last task.
By hand: trigger with parameters; `as_of` speaks of the past. A backfill tells the past truly: what can
only read the present is skipped and says so.
To add or change one: edit the system's YAML file and run `upkeep catalog check`.
"""

from upkeep.procedures.factory import routines

# Airflow finds a DAG by the module's globals.
globals().update({dag.dag_id: dag for dag in routines("daily")})
