"""Examines a copy in a restic repository: is it there, is it whole, are its packs what was written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from upkeep.backups.files.packs import Packs
from upkeep.backups.files.repository import Repository
from upkeep.backups.model import Copy, Level, Proof
from upkeep.clients.answers import NotFoundError

SHOWN = 20
"""Problems that a proof names; the rest is counted."""
SHORT = 16
"""Hexadecimal digits of a pack's name in the evidence: enough to know it again."""


def examine(  # noqa: PLR0913, PLR0917 - what an examination looks at
    repository: Repository,
    packs: Packs,
    copy: Copy,
    there: Sequence[Copy],
    before: Sequence[Proof],
    at: datetime,
) -> list[Proof]:
    """Return the proofs of a copy, up to the first level that fails. there: the copy as listed now."""
    where = {"reference": copy.reference}
    if not there:
        return [Proof(Level.EXISTS, at, [f"{copy.name} is gone from {repository.location}"], where)]
    proofs = [
        Proof(Level.EXISTS, at, (), where),
        Proof(Level.COMPLETE, at, list(there[0].problems), dict(there[0].facts)),
    ]
    if proofs[-1].holds:
        proofs.append(_checksums(repository, packs, before, at))
    return proofs


def _checksums(repository: Repository, packs: Packs, before: Sequence[Proof], at: datetime) -> Proof:
    """Check the structure of the repository, then the bytes of each pack that no earlier proof has read.

    restic's own check of a part (`--read-data-subset`) can only take a fixed share of all packs, or a random
    one. A pack is named after the SHA-256 of its bytes, so the new ones are read here, and no other.
    """
    problems = _structure(repository)
    sizes = packs.sizes()
    known = {name for proof in before for name in proof.evidence.get("packs_read", ()) if proof.holds}
    unread = sorted(name for name in sizes if name[:SHORT] not in known)
    for name in unread:
        try:
            digest = packs.digest(name)
        except NotFoundError:
            problems.append(f"pack {name} of {repository.location} is lost")
            continue
        if digest != name:
            problems.append(f"pack {name} of {repository.location} is damaged: its SHA-256 is {digest}")
    evidence = {
        "packs": len(sizes),
        "packs_read": [name[:SHORT] for name in unread],
        "bytes_read": sum(sizes[name] for name in unread),
    }
    return Proof(Level.CHECKSUMS, at, _shown(problems), evidence)


def _structure(repository: Repository) -> list[str]:
    """Return what `restic check` finds wrong: lost packs, wrong sizes, broken indexes and trees."""
    ended = repository.alone("check", good=(0, 1))
    if ended.status == 0:
        return []
    lines = [line.strip() for line in ended.errors.splitlines() if line.strip()]
    found = [line for line in lines if line != "Fatal: repository contains errors"]
    if "Fatal: repository contains errors" not in lines:
        raise repository.error("check", ended)  # it could not check, which is no damage
    return [f"{repository.location}: {line}" for line in found] or [f"{repository.location}: it has errors"]


def _shown(problems: list[str]) -> list[str]:
    rest = len(problems) - SHOWN
    return problems if rest <= 0 else [*problems[:SHOWN], f"and {rest} more"]
