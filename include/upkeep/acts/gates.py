"""The gate before a change: freezes, newer incidents, approval of exactly this plan."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from upkeep.acts.model import Act
from upkeep.acts.plans import Plan
from upkeep.errors import PermanentError
from upkeep.ledger.approvals import Request, require_approval
from upkeep.ledger.incident_reads import Which, incidents

DESPITE = "despite_freeze"
"""The field of a form that says: even in a freeze, even with a newer incident."""

NOTHING = "nothing was touched"

CLOCKS_DIFFER = timedelta(seconds=1)


def pre_flight(act: Act, plan: Plan) -> None:
    """Refuse a plan that replaces something in use where the system is frozen or has a newer incident.

    Raises PermanentError, saying which, and that the form can overrule it.
    """
    if not plan.destructive or act.form.get(DESPITE):
        return
    reasons = [*_freezes(act), *_newer_incidents(act)]
    if reasons:
        raise PermanentError(
            f"nothing was touched: {'; '.join(reasons)}. "
            f"To go on all the same, choose '{DESPITE}' in the form"
        )


def approved(act: Act, plan: Plan, *, begun: bool = False, so_far: str = NOTHING) -> list[str]:
    """Return who approved the plan; nobody where it needs no approval. Raises PermanentError otherwise.

    begun: what was approved has begun in time, and may go on. so_far: what was changed until now, which the
    error says first.
    """
    if not plan.destructive:
        return []
    request = Request(*act.run, act.task_id, act.attempt)
    until = act.began_at if begun else act.now
    return require_approval(act.engine, request, plan.digest, plan.approvals, until, so_far=so_far)


def require_same(planned: Plan, now: Plan) -> None:
    """Refuse where the later stages would speak of another plan than the one that is carried out."""
    if now.digest != planned.digest:
        raise PermanentError(
            f"nothing was touched: things have changed since {planned.digest} was planned: now it is "
            f"{now.digest}; clear the run from the task that plans"
        )


def _freezes(act: Act) -> list[str]:
    today = act.now.astimezone(ZoneInfo(act.system.timezone)).date()
    return [
        f"{freeze.title} freezes {act.system.title} until {freeze.last_day}"
        for freeze in act.system.calendar.freezes
        if freeze.first_day <= today <= freeze.last_day
    ]


def _newer_incidents(act: Act) -> list[str]:
    newer = incidents(act.engine, Which(system=act.system_id, since=act.began_at + CLOCKS_DIFFER))
    return [
        f"incident {one.id} ({one.severity}) opened after this run began: {one.title}"
        for one in newer
        if (one.facts.get("dag_id"), one.facts.get("run_id")) != act.run  # runs of two DAGs may share an id
    ]
