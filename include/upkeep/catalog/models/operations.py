"""The rest of a guide: windows, runbooks, changes, data, documents, training, KPIs."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import Field, model_validator

from upkeep.catalog.models.base import Cron, Entry, Name, ProcedureId, Ratio, TimeZone, Url


class Window(Entry):
    """A recurring maintenance window."""

    title: str
    schedule: Cron
    timezone: TimeZone = "UTC"
    minutes: int = Field(gt=0)


class Announcement(Entry):
    """What is said, and done, how long before or after a window."""

    when: str
    minutes_before: int | None = None
    steps: list[str]


class Freeze(Entry):
    """Days without changes; the last day is included."""

    title: str
    first_day: dt.date
    last_day: dt.date


class Calendar(Entry):
    """Maintenance windows, freezes and holidays: one for paging and for every change."""

    windows: dict[Name, Window] = {}
    announcements: dict[Name, Announcement] = {}
    freezes: list[Freeze] = []
    holidays: list[dt.date] = []


class Runbook(Entry):
    """What to do about a symptom."""

    title: str
    symptoms: list[str] = []
    diagnosis: list[str] = []
    resolution: list[str] = []
    escalate_to: Name | None = None
    escalate_after_minutes: float | None = Field(default=None, gt=0)


class Change(Entry):
    """A kind of change, in the guide's order of steps."""

    title: str
    scope: str | None = None
    cadence: Literal["on_request", "weekly", "monthly", "quarterly"] = "on_request"
    downtime_minutes_most: int | None = Field(default=None, ge=0)
    checklist: list[str] = []
    steps: list[str]
    verify: list[str] = []
    rollback: list[str] = []
    watch_minutes: int | None = Field(default=None, ge=0)
    canary_ratio: Ratio | None = None


class DataRule(Entry):
    """How long data is kept, and what happens then."""

    what: str
    older_than_days: int | None = Field(default=None, gt=0)
    condition: str | None = None
    action: Literal["delete", "archive_then_delete", "archive", "vacuum"]
    to: str | None = None
    storage_class: str | None = None
    fact: str | None = None


class Document(Entry):
    """A document that must exist and be reviewed."""

    title: str
    link: str | None = None
    owner: Name | None = None
    review_days: int | None = Field(default=None, gt=0)


class Training(Entry):
    """Training that must be held."""

    title: str
    cadence: Literal["weekly", "monthly", "quarterly", "annual", "on_joining"]


class Kpi(Entry):
    """A target that the KPI report measures; without a source it is unknown."""

    title: str
    below_minutes: float | None = Field(default=None, gt=0)
    above_ratio: Ratio | None = None
    incidents: Literal["detection", "response", "recovery"] | None = None
    """The mean time of the system's incidents that is to be below the minutes."""
    slo: Name | None = None
    """The objective whose share of good events is to be above the ratio."""
    metric: Name | None = None
    """The metric, a share, whose mean is to be above the ratio."""

    @model_validator(mode="after")
    def _measures_one_thing(self) -> Self:
        if (self.below_minutes is None) == (self.above_ratio is None):
            raise ValueError("a KPI has exactly one of below_minutes and above_ratio")
        shares = [name for name in (self.slo, self.metric) if name]
        if (shares and self.below_minutes) or (self.incidents and self.above_ratio) or len(shares) > 1:
            raise ValueError("minutes are measured by incidents, a ratio by one of slo and metric")
        return self


class Test(Entry):
    """A test that the guide runs against the system."""

    title: str
    tool: str
    script: str | None = None
    endpoints: list[str] = []
    steps: list[str] = []


class SecurityPractice(Entry):
    """A standing security practice and the tool that serves it."""

    title: str
    tool: str
    expectation: str


class Duty(Entry):
    """One thing the guide asks for. `upkeep coverage` shows the task behind it, or that there is none yet."""

    id: ProcedureId
    what: str
    owner: Name | None = None
    at: str | None = None
    """When, in the guide's words."""
    within_minutes: int | None = Field(default=None, gt=0)


class HealthEndpoint(Entry):
    """An HTTP end point that answers whether a part is well, through the system's http connection."""

    path: str | None = None
    url: Url | None = None
    expect_status: int = 200
    slower_than_seconds: float | None = Field(default=None, gt=0)


class TlsEndpoint(Entry):
    """A TLS end point whose certificate is watched."""

    host: str
    port: int = Field(default=443, gt=0, le=65535)
    connect_through: str | None = None
    """The key of the http connection's extra `tls_endpoints`, where the name does not resolve."""
