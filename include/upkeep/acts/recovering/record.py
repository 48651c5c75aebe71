"""The row of a run's recovery in the ledger, and those of the same thing before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from upkeep.acts.forms import moment_in
from upkeep.acts.model import Act
from upkeep.acts.plans import Plan
from upkeep.errors import ConfigurationError
from upkeep.ledger import recoveries
from upkeep.ledger.recoveries import Past, RecoveryKey
from upkeep.recoveries.model import Recovery


def begin(act: Act, one: Recovery, plan: Plan, *, drill: bool) -> None:
    """Record that it has begun. Raises ConfigurationError where the form's loss lies in the future."""
    values = {
        "system": act.system_id,
        "subject": one.subject,
        "drill": drill,
        "backup_id": one.backup_id,
        "target": plan.target,
        "plan": plan.carried(),
        "lost_at": _lost_at(act),
        "data_as_of": one.data_as_of(plan),
    }
    recoveries.begin_recovery(act.engine, _key(act), values, act.began_at)


def mark(act: Act, **values: Any) -> None:
    """Set columns of the row: restored_at, verified_at, cleaned_at, lost_at, data_as_of, problems."""
    recoveries.mark_recovery(act.engine, _key(act), **values)


def taken_back(act: Act, plan: Plan) -> None:
    """Record that what was begun was taken back: whoever repeats it begins anew."""
    mark(act, plan=plan.carried() | {"digest": None}, verified_at=None)


def recorded(act: Act) -> Row[Any] | None:
    """Return the row, None before it began."""
    return recoveries.recovery(act.engine, _key(act))


def earlier(act: Act, one: Recovery, most: int = 20) -> Sequence[Past]:
    """Return the verified recoveries of the same thing that began before this run, newest first."""
    return recoveries.past_recoveries(
        act.engine, act.system_id, one.subject, but=_key(act), before=act.began_at, most=most
    )


def _key(act: Act) -> RecoveryKey:
    return RecoveryKey(*act.run, act.task_id)


def _lost_at(act: Act) -> datetime | None:
    lost = moment_in(act, "lost_at")
    if lost is not None and lost > act.now:
        raise ConfigurationError(f"lost_at {lost.isoformat()} lies in the future; write when it was lost")
    return lost
