"""The shape of one routine with tasks that do nothing: what Airflow itself costs. Only for the bench."""

import os

from airflow.sdk import DAG, BaseOperator, Context

from upkeep.catalog.compiled import Catalog


class DoNothing(BaseOperator):
    """A task that only starts and ends."""

    def execute(self, context: Context) -> None:
        """Do nothing."""


plan = next(iter(Catalog().plans(dag_id=os.environ["UPKEEP_BENCH_ROUTINE"])))
with DAG("noop", schedule=None, max_active_runs=1, default_args={"pool": plan.pool, "retries": 0}):
    report = DoNothing(task_id="report").as_teardown()
    opening = DoNothing(task_id="open_run")
    for task in plan.tasks:
        opening >> DoNothing(task_id=task.task_id) >> report
