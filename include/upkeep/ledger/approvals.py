"""Approvals: who approved which plan, for which attempt, until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from upkeep.errors import PermanentError
from upkeep.ledger.backup_tables import ApprovalRow
from upkeep.ledger.errors import told_apart


@dataclass(frozen=True)
class Request:
    """What an approval is for: a procedure of a run, in one attempt of it (how often it was cleared)."""

    dag_id: str
    run_id: str
    task_id: str
    attempt: int


def record_approval(  # noqa: PLR0913 - what was approved, by whom, from when until when
    engine: Engine,
    request: Request,
    plan: Mapping[str, Any],
    *,
    approved_by: str,
    approved_at: datetime,
    expires_at: datetime,
) -> None:
    """Record that a person approved a plan; of the same person the last one counts."""
    values = {"digest": plan["digest"], "plan": dict(plan)}
    values |= {"approved_at": approved_at, "expires_at": expires_at}
    row = insert(ApprovalRow).values(**vars(request), approved_by=approved_by, **values)
    key = ["dag_id", "run_id", "task_id", "attempt", "approved_by"]
    with told_apart(), engine.begin() as connection:
        connection.execute(row.on_conflict_do_update(index_elements=key, set_=values))


def require_approval(  # noqa: PLR0913 - what is approved, by how many, until when
    engine: Engine, request: Request, digest: str, needed: int, now: datetime, *, so_far: str
) -> list[str]:
    """Return who approved the plan of this digest.

    so_far: what the run has changed until now, for the message. Raises PermanentError where fewer persons
    than needed did, for this plan, this attempt, and until now.
    """
    query = select(ApprovalRow).where(
        ApprovalRow.dag_id == request.dag_id,
        ApprovalRow.run_id == request.run_id,
        ApprovalRow.task_id == request.task_id,
        ApprovalRow.attempt == request.attempt,
    )
    with told_apart(), engine.connect() as connection:
        found = connection.execute(query.order_by(ApprovalRow.approved_by)).all()
    valid = [row.approved_by for row in found if row.digest == digest and row.expires_at > now]
    if len(valid) >= needed:
        return valid
    changed = [row for row in found if row.digest != digest]
    if changed:
        why = f"the plan {changed[0].digest} was approved, and things have changed since: now it is {digest}"
    elif len(found) > len(valid):
        why = f"the approval ended at {found[0].expires_at.isoformat()}"
    else:
        why = f"{len(valid)} of {needed} persons have approved it"
    raise PermanentError(f"{so_far}: {why}; clear the run from the task that plans, and approve again")
