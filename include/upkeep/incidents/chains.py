"""Which chain serves an incident, copied so that later edits of the catalog cannot silence it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from upkeep.incidents.model import ChainCopy, ChainLevel, Person
from upkeep.incidents.oncall import owner_of

if TYPE_CHECKING:
    from upkeep.catalog.models import System

MAJOR = "P0"
"""The severity that stands alone, pages through maintenance windows and reaches the levels for major ones."""

DEFAULT_TARGETS = {"P0": (5, 60), "P1": (15, 240), "P2": (60, 1440), "P3": (1440, 10080)}
"""Minutes to respond and to resolve, for a severity that the catalog leaves out."""


def choose(system: System, issue_type: str, symptom: str | None, severity: str) -> ChainCopy:
    """Return a copy of the chain that the symptom names, else the issue type, else the default one."""
    escalation = system.escalation
    name = escalation.by_symptom.get(symptom or "") or escalation.by_issue_type.get(issue_type)
    name = name or escalation.default_chain
    chain = escalation.chains[name]
    target = {str(key): value for key, value in escalation.severities.items()}.get(severity)
    respond, resolve = (
        (target.response_minutes, target.resolution_minutes) if target else DEFAULT_TARGETS[severity]
    )
    return ChainCopy(
        name=name,
        levels=tuple(
            ChainLevel(
                owner=level.owner,
                wait_seconds=level.wait_minutes * 60,
                ends_at=level.ends_at,
                channels=tuple(level.channels),
                only_major=level.only_major,
                fallback=owner_of(system, level.owner),
            )
            for level in chain.levels
        ),
        repeats=chain.repeats,
        response_seconds=respond * 60,
        resolution_seconds=resolve * 60,
    )


def to_json(chain: ChainCopy) -> dict[str, Any]:
    """Return the chain as the ledger keeps it."""
    return asdict(chain)


def from_json(kept: Mapping[str, Any]) -> ChainCopy:
    """Return the chain that the ledger kept."""
    levels = tuple(
        ChainLevel(
            **{
                **level,
                "channels": tuple(level["channels"]),
                "fallback": Person(**level["fallback"]) if level["fallback"] else None,
            }
        )
        for level in kept["levels"]
    )
    return ChainCopy(**{**kept, "levels": levels})


def more_severe(first: str, second: str) -> bool:
    """Whether the first severity is more severe than the second: P0 is the most severe.

    >>> more_severe("P0", "P1")
    True
    """
    return first < second
