"""Plans as plain values: carried from one task to the next, and known again by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from upkeep.errors import PermanentError


def digest(values: Any) -> str:
    """Return the SHA-256, in hex, of plain values: the same for the same values in any order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def checked(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a plan; raise PermanentError where it is not the one that its hash was made of."""
    if plan.get("hash") != digest({key: value for key, value in plan.items() if key != "hash"}):
        raise PermanentError("the plan is not the one that its hash was made of: plan again")
    return plan
