"""The first task of every run: refuses what nobody reads, and opens the run in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from upkeep.operators.run import RoutineFacts, run_moment, run_parameters
from upkeep.runs.parameters import refuse_unknown

if TYPE_CHECKING:
    from airflow.sdk import Context


class OpenRun(BaseOperator):
    """Validate the run's parameters and record the run.

    A conf with an unknown key fails here, with the list of known ones: a misspelt parameter would
    otherwise be ignored in silence.
    """

    ui_color = "#e5e7eb"

    def __init__(self, *, routine: RoutineFacts, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.routine = routine

    def execute(self, context: Context) -> None:
        """Record the run, and say of which moment it speaks."""
        from upkeep.ledger.writes import RunRecord, record_run
        from upkeep.operators.ledger import ledger_engine

        run = context["dag_run"]
        refuse_unknown(run.conf, self.routine["fields"])
        wanted = run_parameters(context, self.routine)
        moment = run_moment(context, self.routine, wanted)
        record = RunRecord(
            dag_id=run.dag_id,
            run_id=run.run_id,
            system=self.routine["system"],
            routine=self.routine["routine"],
            run_type=run.run_type.value,
            as_of=moment.as_of,
            since=moment.since,
            dry_run=wanted.is_dry(run.run_type.value),
            procedures=sorted(wanted.procedures),
            started_at=run.start_date or datetime.now(UTC),
        )
        record_run(ledger_engine(), record)
        self.log.info("this run speaks of %s to %s", moment.since.isoformat(), moment.as_of.isoformat())
        if moment.past:
            self.log.info("what %s", moment.past)
