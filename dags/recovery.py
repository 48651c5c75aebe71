"""Recoveries, by hand: each is a form.

Purpose: bring back a database, a file, a component or a whole system, in the order that was rehearsed.
What happens: the pre-flight refuses before anything is touched; the plan says what will be done and how long
it took last time; what replaces something that is in use waits for approval of exactly that plan; then it is
restored, verified, measured (RTO, RPO), cleaned up and reported.
By hand only: trigger `<system>_<recovery>` and fill in the form. `dry_run: no` is needed for it to act.
When it fails: clear the failed task; every stage finds what an earlier attempt made. An approval holds for
one attempt: where the plan needed one, clear from the stage `plan` and approve again.
To add or change one: edit the system's YAML file and run `upkeep catalog check`.
"""

from upkeep.procedures.factory import routines

# Airflow finds a DAG by the module's globals.
globals().update({dag.dag_id: dag for dag in routines("recovery")})
