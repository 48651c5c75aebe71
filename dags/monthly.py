"""The monthly routines of every system.

Purpose: what is looked at over a whole month, such as the KPIs of a guide.
What runs: each monthly routine of the catalog (`include/systems/*.yaml`) is one DAG, `<system>_<routine>`,
with one task per procedure. Findings go to the ledger, a report is linked from each run's last task.
By hand: trigger with parameters; `as_of` speaks of the month before it. A backfill tells the past truly: the
ledger knows what was known at the end of each month.
To add or change one: edit the system's YAML file and run `upkeep catalog check`.
"""

from upkeep.procedures.factory import routines

# Airflow finds a DAG by the module's globals.
globals().update({dag.dag_id: dag for dag in routines("monthly")})
