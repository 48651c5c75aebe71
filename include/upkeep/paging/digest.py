"""The digest: one routine's warnings in one message. It pages nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from upkeep.findings.units import format_value
from upkeep.incidents.model import NAMESPACE, Channel, Person

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.incidents.signals import RunOf
    from upkeep.ledger.tables import FindingRow

MAX_LINES = 40
"""Warnings that a digest lists; the rest is counted, and stands in the report."""


@dataclass(frozen=True, kw_only=True)
class Warned:
    """One warning. value, limit: as people read them, with unit. runbook: a link or a path."""

    check: str
    summary: str
    value: str = ""
    limit: str = ""
    runbook: str = ""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """One routine's warnings for one channel or several; the first that takes it is enough.

    To tell several channels, send one digest for each. id: the same for the same run.
    person: where it goes. at: the moment that the run speaks of, with time zone.
    links: report, run, dashboard.
    """

    id: UUID
    person: Person
    channels: tuple[Channel, ...]
    system: str
    system_title: str
    routine_title: str
    at: datetime
    warnings: tuple[Warned, ...]
    links: Mapping[str, str] = field(default_factory=dict)


def digests_of(
    run: RunOf, system: System, routine: str, warned: Sequence[FindingRow], links: Mapping[str, str]
) -> list[Digest]:
    """Return the messages with a run's warnings: one for each channel that the catalog names for them."""
    named = system.channels.by_state.get("warning")
    channels: Sequence[Channel] = named or ("slack", "email")
    owner = system.owners.get(run.owner)
    person = Person(
        name=run.owner,
        title=owner.title if owner else run.owner,
        email=(owner.email if owner else None) or system.channels.email,
        slack_channel=(owner.slack_channel if owner else None) or system.channels.slack_channel,
    )
    title = next((r.title for r in system.routines if r.name == routine), routine)
    lines = tuple(
        Warned(
            check=row.check_id,
            summary=row.summary,
            value="" if row.value is None else format_value(row.value, row.unit),
            limit=row.limit_text or "",
            runbook=row.runbook or "",
        )
        for row in warned
    )
    return [
        Digest(
            id=uuid5(NAMESPACE, f"digest/{run.name}/{channel}"),
            person=person,
            channels=(channel,),
            system=run.system,
            system_title=system.title,
            routine_title=title,
            at=max(row.observed_at for row in warned),
            warnings=lines,
            links=links,
        )
        for channel in channels
    ]
