"""Makes what a check saw fit for the ledger: JSON, bounded, without what Postgres cannot hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from upkeep.findings import Finding

LARGEST_BYTES = 64 * 1024
"""Evidence is for a person to read; what is longer belongs where it came from."""

EXCERPT_CHARACTERS = 4_000

_TEXTS = ("check", "summary", "source", "unit", "limit", "reason", "runbook")


def storable(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence as plain JSON values.

    Numbers that JSON has no word for become text, NUL characters are removed, and what is larger than
    64 KiB is replaced by an excerpt that says so.
    """
    plain = {printable(str(key)): _value(value) for key, value in evidence.items()}
    dumped = json.dumps(plain, ensure_ascii=False)
    if len(dumped.encode()) <= LARGEST_BYTES:
        return plain
    return {"truncated_from_bytes": len(dumped.encode()), "excerpt": dumped[:EXCERPT_CHARACTERS]}


def fit(finding: Finding) -> Finding:
    """Return the finding with texts that Postgres can hold: a far side's garbage must not lose the rest."""
    texts: dict[str, Any] = {
        name: printable(text) or "(not printable)" for name in _TEXTS if (text := getattr(finding, name))
    }
    return replace(finding, **texts)


def number(value: float | None) -> float | None:
    """Return the number, or None for one that is no measurement."""
    return value if value is not None and math.isfinite(value) else None


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {printable(str(key)): _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item) for item in value]
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return printable(str(value))


def printable(text: str) -> str:
    """Return the text without what Postgres cannot hold: NUL, and half a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
