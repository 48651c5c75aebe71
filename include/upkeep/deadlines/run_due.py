"""The run's due time, as a deadline reference."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference, deadline_reference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@deadline_reference()
class RunDue(BaseDeadlineReference):
    """Count from the run's due time, so that a run created late is late.

    A backfill has no deadline. Until a DAG has had a scheduled run, deadlines count from now: on the first
    deployment, or after a backfill of the days before it, the latest past interval may run at once, and
    nobody missed anything. Evaluated by the scheduler,
    where Airflow's own models are at hand. The built-in references do not serve: the one on the
    logical date makes a backfill late and leaves a manual run without a deadline, and the one on the
    queueing time breaks the clearing of a run (Airflow issue 70368).
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        run = session.execute(
            select(DagRun.run_type, DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        ).one()
        if run.run_type == "backfill":
            return None
        earlier = (
            select(DagRun.id)
            .where(DagRun.dag_id == dag_id, DagRun.run_id != run_id, DagRun.run_type == "scheduled")
            .limit(1)
        )
        if session.scalar(earlier) is None:
            return datetime.now(UTC)
        due: datetime = run.run_after
        return due
