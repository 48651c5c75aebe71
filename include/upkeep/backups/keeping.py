"""What a policy keeps of the copies that are there, by what the ledger knows to be proven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upkeep.backups.expiry import Safe, expiry_plan, still_safe
from upkeep.backups.methods import Making, provable
from upkeep.backups.model import Copy, Level
from upkeep.backups.retention import Candidate, Rules
from upkeep.clients.answers import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from upkeep.ledger.backups import Known


def retention_plan(making: Making, known: Sequence[Known], now: datetime) -> dict[str, Any]:
    """Return what would be deleted and what is kept, with the reasons; see `expiry_plan`."""
    rules = Rules(making.policy.keep, making.zone, provable(making.policy))
    return expiry_plan(making.name, candidates(making, known), rules, now)


def deletable(making: Making, known: Sequence[Known], plan: dict[str, Any], now: datetime) -> Safe:
    """Return what of a plan may be deleted, by a fresh listing."""
    return still_safe(plan, candidates(making, known), now)


def copies_there(making: Making, known: Sequence[Known]) -> list[Copy]:
    """Return the copies that are there. A place that does not exist yet is empty; one that is lost is not.

    Raises NotFoundError where the ledger knows of copies and the place is gone.
    """
    try:
        return list(making.method.copies())
    except NotFoundError:
        if known:
            raise
        return []


def candidates(making: Making, known: Sequence[Known]) -> list[Candidate]:
    """Return the copies that are there; what the ledger does not know of is there, and not proven."""
    proven = {one.copy.name: one for one in known}
    found = []
    for copy in copies_there(making, known):
        one = proven.get(copy.name)
        found.append(
            Candidate(
                name=copy.name,
                made_at=copy.started_at,
                level=(one.proven if one else None) or Level.EXISTS,
                held=copy.held,
                complete=not copy.problems,
                broken=bool(one and one.broken),
            )
        )
    return found
