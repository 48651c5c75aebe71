"""The operator that asks people to approve a plan."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from upkeep.errors import PermanentError
from upkeep.operators.run import run_parameters
from upkeep.operators.stages import OfStage, StageFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

PLAN = "plan"
"""The stage whose plan is approved."""

APPROVAL_HOLDS = timedelta(hours=1)
"""From the approval to the act: what was decided an hour ago is decided again."""

APPROVAL_WAITS = timedelta(hours=24)


class ApproveStage(OfStage, ApprovalOperator):
    """Ask a person to approve the plan, where the plan needs it. There is no default answer.

    What is approved is the plan's digest, in this attempt of the run, for an hour. A second person is
    asked by a second task; the same one does not count twice.
    """

    ui_color = "#fecaca"

    def __init__(self, *, facts: StageFacts, number: int, **kwargs: Any) -> None:
        plan = f"ti.xcom_pull(task_ids='{facts.procedure}.{PLAN}')"
        super().__init__(
            subject=f"{{{{ ({plan} or {{}}).get('title', 'Nothing to approve') }}}}",
            body=f"{{{{ ({plan} or {{}}).get('markdown', '') }}}}",
            response_timeout=APPROVAL_WAITS,
            execution_timeout=None,
            retries=0,
            ignore_downstream_trigger_rules=True,
            **kwargs,
        )
        self._take(facts)
        self.number = number

    def execute(self, context: Context) -> Any:
        """Ask, unless the run is dry or the plan needs fewer approvals."""
        wanted = run_parameters(context, self.routine)
        plan = self._plan(context)
        if wanted.is_dry(context["dag_run"].run_type.value):
            self.log.info("a dry run needs no approval")
            return {"approval": "a dry run needs none"}
        if not plan["destructive"] or self.number > int(plan["approvals"]):
            self.log.info("the plan %s needs no approval here", plan["digest"])
            return {"approval": "not needed"}
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Record who approved which plan; a refusal skips what follows."""
        answer = super().execute_complete(context, event)
        if answer["chosen_options"] != [self.APPROVE]:
            return {"approval": "refused"}
        self._record_approval(context, answer)
        return {"approval": "given"}

    def _record_approval(self, context: Context, answer: Mapping[str, Any]) -> None:
        from upkeep.ledger.approvals import Request, record_approval
        from upkeep.operators.ledger import ledger_engine

        run, person = context["dag_run"], answer["responded_by_user"]
        if person is None:
            raise PermanentError("nobody's name is on the approval: it does not count")
        request = Request(run.dag_id, run.run_id, self.facts.procedure, run.clear_number or 0)
        at = answer["responded_at"]
        record_approval(
            ledger_engine(),
            request,
            self._plan(context),
            approved_by=person["name"],
            approved_at=at,
            expires_at=at + APPROVAL_HOLDS,
        )

    def _plan(self, context: Context) -> dict[str, Any]:
        plan = context["ti"].xcom_pull(task_ids=f"{self.facts.procedure}.{PLAN}")
        if not isinstance(plan, dict) or "digest" not in plan:
            raise PermanentError(f"{self.facts.procedure}.{PLAN} left no plan to approve")
        return plan
