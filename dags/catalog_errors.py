"""Raises what is wrong with the catalog, so that the UI shows it as an import error.

The systems whose files are right are not touched, and of a broken one the last good version stays in
force; this file is only the messenger. Mend the file that the message names, then run
`upkeep catalog check`. No DAG of Airflow is defined here.
"""

from airflow.sdk import get_parsing_context

from upkeep.catalog.compiled import Catalog, suite_catalog

# A task start parses its own file only; this one has no tasks, and checking costs time.
if get_parsing_context().dag_id is None:
    Catalog().raise_problems()
    suite_catalog().raise_problems()
