"""Drills: recoveries that are rehearsed on a target of their own.

Purpose: a backup counts when it has been restored and checked; a team counts on what it has rehearsed.
What happens: a loss is simulated on the drill target that the catalog names, never on production; the same
stages as in a real recovery bring it back; RTO and RPO are measured against the targets and compared with
earlier drills; the target is taken down even after a failure.
When it fails: an incident opens. The target may still be there: clear the stage `clean_up`.
To add or change one: edit the system's YAML file and run `upkeep catalog check`.
"""

from upkeep.procedures.factory import routines

# Airflow finds a DAG by the module's globals.
globals().update({dag.dag_id: dag for dag in routines("drill")})
