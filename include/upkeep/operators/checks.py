"""The operator of every procedure that looks and does not touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from upkeep.findings import Finding
from upkeep.operators.procedure import FindingsOfTask
from upkeep.operators.run import RoutineFacts, run_moment, run_of, run_parameters

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.runs.moment import Moment

ANSWER_SHARE = 0.8
"""Of the task's time, what its checks may take; the rest is for recording what they found."""

NOTHING = "the catalog names nothing to check"

LONGEST_ANSWER_SECONDS = 600.0
"""Where a task has no time-out of its own."""


class RunChecks(FindingsOfTask, BaseOperator):
    """Run the checks of one procedure, record the findings, then let the worst decide the task's outcome.

    routine: the routine's facts. procedure_id: the duty it does. kind, parameters: which checks.
    fail_on: the states that fail the task.
    """

    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        routine: RoutineFacts,
        procedure_id: str,
        kind: str,
        parameters: dict[str, Any],
        fail_on: list[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.routine = routine
        self.procedure_id = procedure_id
        self.kind = kind
        self.parameters = parameters
        self.fail_on = fail_on

    def execute(self, context: Context) -> None:
        """Ask, record, decide. Nothing is returned: an XCom that nobody reads costs the run a request."""
        wanted = run_parameters(context, self.routine)
        if not wanted.wants(self.task_id):
            raise AirflowSkipException("not among the procedures that this run was asked for")
        moment = run_moment(context, self.routine, wanted)
        findings, left_out = self._ask(moment)
        self._record(context, findings, left_out)
        self._raise(run_of(context, self.routine, wanted), findings)
        if not findings:
            raise AirflowSkipException(left_out)
        self._decide(context, findings)

    def _ask(self, moment: Moment) -> tuple[list[Finding], str | None]:
        """Return the findings, and why and which checks were left out, if any were."""
        from upkeep.catalog.compiled import Catalog
        from upkeep.checks.context import CheckContext
        from upkeep.checks.registry import Reads, kind
        from upkeep.checks.runner import run_checks
        from upkeep.operators.clients import AirflowClients
        from upkeep.operators.history import LedgerHistory

        spec = kind(self.kind)
        if moment.past and spec.reads in (Reads.PRESENT, Reads.ACTS):
            return [], moment.past
        system_id = self.routine["system"]
        system = Catalog().system(system_id)
        with AirflowClients(system) as clients:
            about = CheckContext(
                system_id, system, moment.as_of, moment.since, clients, LedgerHistory(system_id)
            )
            checks = list(spec.checks(about, spec.parameters.model_validate(self.parameters)))
            present = [check.name for check in checks if check.present]
            asked = [check for check in checks if not (moment.past and check.present)]
            findings = run_checks(asked, moment.as_of, self._answer_seconds())
        left_out = f"{', '.join(present)}: {moment.past}" if moment.past and present else None
        return findings, left_out or (None if findings else NOTHING)

    def _answer_seconds(self) -> float:
        timeout = self.execution_timeout
        return timeout.total_seconds() * ANSWER_SHARE if timeout else LONGEST_ANSWER_SECONDS
