"""What a policy keeps of the copies that are there, by what the ledger knows to be proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upkeep.backups.methods import Making, provable
from upkeep.backups.model import Copy, Level
from upkeep.backups.retention import Candidate, Retention, Rules, retain
from upkeep.clients.answers import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from upkeep.ledger.backups import Known


def retained(making: Making, there: Iterable[Copy], known: Sequence[Known], now: datetime) -> Retention:
    """Return what the policy keeps of the copies that are there, and what has expired."""
    rules = Rules(making.policy.keep, making.zone, provable(making.policy))
    return retain(candidates(there, known), rules, now)


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


def candidates(there: Iterable[Copy], known: Sequence[Known]) -> list[Candidate]:
    """Return copies for the retention; what the ledger does not know of is there, and not proven."""
    by_name = {one.copy.name: one for one in known}
    found = []
    for copy in there:
        one = by_name.get(copy.name)
        found.append(
            Candidate(
                name=copy.name,
                made_at=copy.started_at,
                level=(one.proven if one else None) or Level.EXISTS,
                held=copy.held,
                complete=not copy.problems,
                broken=bool(one and one.broken),
                needed_by=tuple(copy.needed_by),
            )
        )
    return found
