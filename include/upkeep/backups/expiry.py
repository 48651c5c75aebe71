"""What a retention run is going to delete, as plain values, and whether that is still right just before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upkeep.backups.model import Level
from upkeep.backups.retention import Candidate, Decision, Rules, retain
from upkeep.catalog.models.backups import Keep
from upkeep.errors import PermanentError


def digest(values: Any) -> str:
    """Return the SHA-256, in hex, of plain values: the same for the same values in any order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def expiry_plan(policy: str, candidates: Iterable[Candidate], rules: Rules, now: datetime) -> dict[str, Any]:
    """Return as JSON values what `retain` decides: the policy, its rules, what expires and is kept, a `hash`.

    `expiring` and `kept` map names to `{made_at, why}`. An approval is bound to the hash.
    """
    retention = retain(candidates, rules, now)
    plan = {
        "policy": policy,
        "at": now.isoformat(),
        "keep": rules.keep.model_dump(exclude_none=True),
        "zone": rules.zone,
        "proof": rules.proof.name,
        "expiring": _listed(retention.expiring),
        "kept": _listed(retention.kept),
    }
    return plan | {"hash": digest(plan)}


def _listed(decisions: Iterable[Decision]) -> dict[str, Any]:
    return {
        one.name: {"made_at": one.candidate.made_at.isoformat(), "why": "; ".join(one.reasons)}
        for one in decisions
    }


@dataclass(frozen=True)
class Safe:
    """names: what may be deleted now, oldest first. left: what was planned and is not done, and why."""

    names: tuple[str, ...]
    left: Mapping[str, str]


def checked(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a plan; raise PermanentError where it is not the one that its hash was made of."""
    if plan.get("hash") != digest({key: value for key, value in plan.items() if key != "hash"}):
        raise PermanentError("the retention plan is not the one that its hash was made of: plan again")
    return plan


def still_safe(plan: Mapping[str, Any], listing: Iterable[Candidate], now: datetime) -> Safe:
    """Return what of a plan may be deleted, by a fresh and whole listing of the policy's backups.

    Decided anew by the plan's rules, and never more than the plan has: so a repeat after a kill, a run
    beside this one, or a backup that was found broken meanwhile, deletes nothing that is needed. Raises
    PermanentError where the plan was changed.
    """
    checked(plan)
    rules = Rules(Keep.model_validate(plan["keep"]), plan["zone"], Level[plan["proof"]])
    fresh = retain(listing, rules, now)
    expiring = {one.name: one.candidate.made_at for one in fresh.expiring}
    kept = {one.name: "; ".join(one.reasons) for one in fresh.kept}
    left = {}
    for name, planned in plan["expiring"].items():
        if name in kept:
            left[name] = f"now kept: {kept[name]}"
        elif name not in expiring:
            left[name] = "gone already"
        elif expiring[name] != datetime.fromisoformat(planned["made_at"]):
            left[name] = f"another of this name was made at {expiring[name].isoformat()}"
    safe = [name for name in plan["expiring"] if name not in left]
    return Safe(tuple(sorted(safe, key=lambda name: (expiring[name], name))), left)
