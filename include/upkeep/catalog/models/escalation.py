"""Severities, chains and conditions: who is paged, in which order, after how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from upkeep.catalog.models.base import Entry, Name, ProcedureId
from upkeep.catalog.models.metrics import Severity


class SeverityTarget(Entry):
    """What a severity means and how quickly it must be answered and solved."""

    title: str
    definition: str
    response_minutes: int = Field(gt=0)
    resolution_minutes: int = Field(gt=0)
    examples: list[str] = []


class Level(Entry):
    """One level of a chain. Its wait counts from when the level was paged."""

    owner: Name
    """An owner, or a rotation: whoever of it is on call."""
    wait_minutes: float = Field(ge=0)
    """How long before the next level is paged; 0 pages the next at once."""
    ends_at: Literal["acknowledgement", "resolution"] = "acknowledgement"
    channels: list[Literal["pagerduty", "slack", "email", "webhook"]] = ["slack", "email"]
    duties: list[str] = []
    only_major: bool = False
    """Paged for P0 alone."""


class Chain(Entry):
    """The levels in order, and how often the end repeats before it stays open and loud."""

    levels: list[Level] = Field(min_length=1)
    repeats: int = Field(default=3, ge=0)


class Escalation(Entry):
    """Which chain serves what."""

    severities: dict[Severity, SeverityTarget]
    severity_words: dict[str, Severity] = {}
    """The guide's own words for severities, such as critical, and what they map to."""
    chains: dict[Name, Chain] = Field(min_length=1)
    default_chain: Name
    by_issue_type: dict[Name, Name] = {}
    """Issue type → chain (performance, security, data_loss, service_down, …)."""
    by_symptom: dict[Name, Name] = {}
    """Symptom → chain, where a guide sends symptoms to teams."""
    storm_incidents: int = Field(default=10, gt=1)
    """More open incidents than this at once in the system become one storm incident."""
    serves: list[ProcedureId] = []
    """Duties that the task `escalate` does, by what stands here and in `owners`, `tiers` and `channels`."""
