"""The examination of a copy by its name, also of what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from upkeep.backups.methods import Making
from upkeep.backups.model import Copy, Level, Proof


def examined(
    way: Making, name: str, now: datetime, before: Sequence[Proof] = ()
) -> tuple[Copy | None, list[Proof]]:
    """Return a copy as it is there, None where nothing is left, with what an examination shows.

    before: proofs of checksums that are believed.
    """
    copy = way.method.find(name)
    if copy is not None:
        there = Proof(Level.EXISTS, now, evidence={"reference": copy.reference})
        return copy, [there, *way.method.check(copy, before)]
    left = next((one for one in way.method.copies() if one.name == name), None)
    if left is None:
        return None, [Proof(Level.EXISTS, now, [f"{name} is gone from {way.where}"])]
    problems = left.problems or [f"{left.reference} is not whole"]
    return left, [Proof(Level.COMPLETE, now, problems, {"reference": left.reference})]
