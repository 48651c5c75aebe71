"""The last task of every run: the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowSkipException

from upkeep.findings import State
from upkeep.operators.ending import Ending
from upkeep.operators.run import RoutineFacts, run_of, run_parameters
from upkeep.operators.starter import tell_starter, telling_of_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from upkeep.incidents.signals import RunOf
    from upkeep.ledger.tables import FindingRow
    from upkeep.runs.parameters import RunParameters


def send_messages(context: Context) -> None:
    """Send the run's digest of warnings, and tell whoever started it how it ended.

    Airflow calls this when it has recorded that the report is written: no run waits for Slack. A digest
    whose sending is cut off is sent by the watchdog.
    """
    from upkeep.operators.aftermath import send_digest

    task: Any = context["ti"].task
    ending: Ending = task.ending
    if ending.run is not None and ending.counts.get(State.WARNING):
        send_digest(ending.run, ending.routine["routine"], ending.senders)
    tell_starter(ending, ending.counts)


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
        super().__init__(on_success_callback=send_messages, **kwargs)
        self.routine = routine

    def execute(self, context: Context) -> None:
        """Write it. What is to be told is told by `send_messages`, when the run is over."""
        self.ending = Ending(context, self.routine)
        with telling_of_failure(self.ending):
            self.ending.counts = self._write(context, self.ending)
        said = ", ".join(f"{count} {state}" for state, count in self.ending.counts.items())
        self.log.info("findings: %s", said or "none")

    def _write(self, context: Context, ending: Ending) -> dict[str, int]:
        from upkeep.catalog.compiled import Catalog
        from upkeep.ledger import digests, reads
        from upkeep.operators.ledger import ledger_engine
        from upkeep.reports.routine import write_report

        engine, run = ledger_engine(), context["dag_run"]
        opened = reads.run(engine, run.dag_id, run.run_id)
        if opened is None:
            raise AirflowSkipException("the run was never opened: there is nothing to report")
        found = write_report(engine, opened, Catalog().system(opened.system))
        counts = dict(Counter(finding.state for finding in found))
        wanted = run_parameters(context, self.routine)
        ending.run = run_of(context, self.routine, wanted)
        if ending.run is not None:
            self._resolve(ending, ending.run, wanted, found)
            if counts.get(State.WARNING):
                digests.plan(engine, run.dag_id, run.run_id)
        return counts

    def _resolve(
        self, ending: Ending, run: RunOf, wanted: RunParameters, found: Sequence[FindingRow]
    ) -> None:
        """Resolve the incidents that this run shows to be over."""
        from upkeep.operators.aftermath import resolve_what_recovered
        from upkeep.reports.facts import procedure_of

        ours = {
            task: state
            for task, state in ending.states.items()
            if procedure_of(task) in self.routine["procedures"]
        }
        all_there = {procedure_of(task) for task in ours} == set(self.routine["procedures"])
        ended_well = set(ours.values()) <= {"success", "skipped"}
        complete = not wanted.procedures and all_there and ended_well
        resolve_what_recovered(run, found, complete=complete)
