"""The last task of every run: the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowSkipException

from upkeep.operators.run import RoutineFacts

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
        return write_report(
            engine, run.dag_id, run.run_id, self.routine["system"], system, self.routine["routine"]
        )
