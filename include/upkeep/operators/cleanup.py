"""The operator that keeps Airflow's database small."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class RemoveOldRuns(BaseOperator):
    """Delete the old runs of the suite's own DAGs; by hand, only say how many, unless told otherwise."""

    ui_color = "#f3f4f6"

    def execute(self, context: Context) -> dict[str, int]:
        """Return how many runs of each DAG were deleted, or in a dry run would be."""
        from upkeep.clients.airflow_api import AirflowApi
        from upkeep.operators.watchdog import airflow_login
        from upkeep.runs.cleanup import remove_old_runs
        from upkeep.runs.parameters import read

        params = context["params"]
        dry = read({"dry_run": params["dry_run"]}, ()).is_dry(context["dag_run"].run_type.value)
        with AirflowApi(airflow_login()) as api:
            removed = remove_old_runs(api, datetime.now(UTC), params["keep_days"], dry=dry)
        said = ", ".join(f"{count} runs of {dag_id}" for dag_id, count in removed.items())
        self.log.info("%s: %s", "would delete" if dry else "deleted", said or "nothing")
        return removed
