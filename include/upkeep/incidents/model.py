"""What incidents are made of. Plain values: the ledger keeps them, pages and mails show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

NAMESPACE = UUID("6c2f8c0e-6d2b-5d0b-9e55-8d6d0f6f3f0a")
"""What every id of the suite is derived from."""

Source = Literal[
    "deadline", "failure", "finding", "missing_run", "catalog", "alertmanager", "person", "watchdog"
]
Ends = Literal["acknowledgement", "resolution"]
Channel = Literal["pagerduty", "slack", "email", "webhook"]
PageKind = Literal["page", "reminder", "resolved", "acknowledged"]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One event that people must hear of. The same event always has the same id, however often it is seen.

    event_id: names the event for ever (`failure/<dag_id>/<run_id>`); an event opens at most one incident.
    fold_key: what it is about (`quikapp/quikapp_daily_sre`): signals with the key of an open incident fold
        into it. system: a system's id, or `upkeep`. issue_type: performance, security, data_loss,
        service_down, maintenance_late, maintenance_failed, … symptom: the guide's word, where it has one.
    severity: P0 to P3. title: one line; summary: a sentence or two. No secrets.
    began_at: since when it has been so, with time zone; at: when it was noticed.
    about: other keys of the same matter (`quikapp/metric/error_ratio`): an open incident with one takes
        the signal. wrong: what must recover before the incident may resolve by itself (`run/<dag_id>`).
    occasion: the attempt of the run that it tells of: once the incident of an occasion is resolved, its late
        deadline and its failure open no other.
    facts: value, limit, runbook, dashboard, owner, dag_id, run_id, task_id, … JSON-able.
    """

    event_id: str
    fold_key: str
    system: str
    source: Source
    issue_type: str
    severity: str
    title: str
    summary: str
    began_at: datetime
    at: datetime
    symptom: str | None = None
    about: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    occasion: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def incident_id(self) -> UUID:
        """The id of the incident that this signal would open; the same with or without a ledger."""
        return uuid5(NAMESPACE, self.event_id)


@dataclass(frozen=True)
class Person:
    """Whom a level pages now. Where a contact is missing, the system's channel serves; target: id → address.

    name: the owner's key. title: as people read it. email, slack_channel, phone, pagerduty_service: or None.
    """

    name: str
    title: str
    email: str | None = None
    slack_channel: str | None = None
    phone: str | None = None
    pagerduty_service: str | None = None


@dataclass(frozen=True)
class ChainLevel:
    """One level as it was when the incident opened. owner: an owner or a rotation of the catalog.

    fallback: whom it paged when the incident opened; serves where the catalog no longer knows the owner.
    """

    owner: str
    wait_seconds: float
    ends_at: Ends
    channels: tuple[Channel, ...]
    only_major: bool = False
    fallback: Person | None = None


@dataclass(frozen=True)
class ChainCopy:
    """The chain of an incident, copied in: an edited or broken catalog cannot silence it."""

    name: str
    levels: tuple[ChainLevel, ...]
    repeats: int
    response_seconds: float
    resolution_seconds: float


def dedup_key(incident_id: UUID, series: int, round_: int, level: int, number: int = 0) -> str:
    """Return the key of a page and of the notices that follow it; it begins with the incident's id.

    PagerDuty notifies nobody new of a key that it knows: each level and round, and each reminder by its
    number, has a key of its own.
    """
    return f"{incident_id}/{series}.{round_}.{level}" + (f"-r{number}" if number else "")


@dataclass(frozen=True, kw_only=True)
class Page:
    """One attempt to tell one level, through the first channel of its list that takes it.

    id: stable for incident, round and level: the same page sent again has the same id. dedup_key: see
        there. links: incident (its page in Airflow's UI), runbook, dashboard.
    """

    id: UUID
    incident_id: UUID
    dedup_key: str
    level: int
    round: int
    person: Person
    channels: tuple[Channel, ...]
    system: str
    system_title: str
    severity: str
    title: str
    summary: str
    began_at: datetime
    signals: int
    facts: Mapping[str, Any]
    links: Mapping[str, str]
    kind: PageKind = "page"
