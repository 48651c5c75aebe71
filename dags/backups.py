"""The backups of every system, each by its policy.

Purpose: what the policy promises is made, examined at once (there, complete, as its checksums say), recorded
in the ledger, and what the policy no longer keeps is deleted.
What runs: each routine of the catalog with the cadence `backup` is one DAG, `<system>_<routine>`.
By hand: trigger it with `dry_run: no` for a backup on request; without, the run says what it would do. It is
kept by the policy like any other.
When it fails: nothing is deleted before the new backup is proven. Clear the failed task: what an attempt
has finished is found under the name that follows from the run, and not made twice.
To add or change one: edit the system's YAML file and run `upkeep catalog check`.
"""

from upkeep.procedures.factory import routines

# Airflow finds a DAG by the module's globals.
globals().update({dag.dag_id: dag for dag in routines("backup")})
