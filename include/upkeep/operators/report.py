"""The last task of every run: the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowSkipException

from upkeep.operators.run import RoutineFacts, run_moment, run_of, run_parameters

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey


class ReportLink(BaseOperatorLink):
    """The button on the task that opens the run's report."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the report's address on Airflow's own server."""
        from airflow.sdk.configuration import conf

        base = conf.get("api", "base_url", fallback="").rstrip("/")
        return f"{base}/upkeep/reports/{quote(ti_key.dag_id, safe='')}/{quote(ti_key.run_id, safe='')}"


class WriteReport(BaseOperator):
    """Write the run's report from the ledger, whatever became of its procedures."""

    ui_color = "#dcfce7"
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, routine: RoutineFacts, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.routine = routine

    def execute(self, context: Context) -> dict[str, int]:
        """Return how many findings there are of each state."""
        from upkeep.catalog.compiled import Catalog
        from upkeep.ledger import reads
        from upkeep.operators.ledger import ledger_engine
        from upkeep.reports.routine import write_report

        engine, run = ledger_engine(), context["dag_run"]
        if reads.run(engine, run.dag_id, run.run_id) is None:
            raise AirflowSkipException("the run was never opened: there is nothing to report")
        system = Catalog().system(self.routine["system"])
        counts = write_report(
            engine, run.dag_id, run.run_id, self.routine["system"], system, self.routine["routine"]
        )
        self._tell(context)
        return counts

    def _tell(self, context: Context) -> None:
        """Resolve the incidents that this run shows to be over, and send its warnings."""
        from upkeep.operators.aftermath import resolve_what_recovered, send_digest

        wanted = run_parameters(context, self.routine)
        run = run_of(context, self.routine, wanted)
        if run is None or run_moment(context, self.routine, wanted).past:
            return
        states = context["ti"].get_task_states(dag_id=run.dag_id, run_ids=[run.run_id])[run.run_id]
        done = {task: states.get(task) for task in self.routine["procedures"]}
        complete = not wanted.procedures and set(done.values()) <= {"success", "skipped"}
        resolve_what_recovered(run, complete=complete)
        send_digest(run, self.routine["routine"])
