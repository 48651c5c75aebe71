"""The last task of every run: the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowSkipException

from upkeep.operators.ending import Ending
from upkeep.operators.run import RoutineFacts, run_of, run_parameters
from upkeep.operators.starter import telling_starter

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

    def execute(self, context: Context) -> None:
        """Write it, then tell who is to be told."""
        ending = Ending(context, self.routine)
        with telling_starter(ending) as counts:
            counts.update(self._write(context, ending))
        self.log.info("findings: %s", ", ".join(f"{count} {state}" for state, count in counts.items()))

    def _write(self, context: Context, ending: Ending) -> dict[str, int]:
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
        self._tell(context, ending)
        return counts

    def _tell(self, context: Context, ending: Ending) -> None:
        """Resolve the incidents that this run shows to be over, and send its warnings."""
        from upkeep.operators.aftermath import resolve_what_recovered, send_digest
        from upkeep.reports.facts import procedure_of

        wanted = run_parameters(context, self.routine)
        run = run_of(context, self.routine, wanted)
        if run is None:
            return
        ours = {
            task: state
            for task, state in ending.states.items()
            if procedure_of(task) in self.routine["procedures"]
        }
        all_there = {procedure_of(task) for task in ours} == set(self.routine["procedures"])
        ended_well = set(ours.values()) <= {"success", "skipped"}
        complete = not wanted.procedures and all_there and ended_well
        resolve_what_recovered(run, complete=complete)
        send_digest(run, self.routine["routine"], ending.senders)
