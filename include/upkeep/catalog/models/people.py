"""Who owns a system's work, who is told, and who is called outside."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from upkeep.catalog.models.base import Cron, Email, Entry, Name, TimeZone, Url


class Owner(Entry):
    """A team or role that owns routines and answers for them."""

    title: str
    email: Email | None = None
    slack_channel: str | None = None
    phone: str | None = None
    link: Url | None = None
    """Where the owner is described; shown as the owner's link in Airflow."""
    tier: Name | None = None
    """The support tier whose hours are the owner's; by default always."""
    placeholder: bool = False
    """The guide names the role without a contact: `upkeep catalog check` warns until it is filled in."""


class Vendor(Entry):
    """Support outside the organisation."""

    title: str
    phone: str | None = None
    email: Email | None = None
    placeholder: bool = False


class Hours(Entry):
    """Business hours in the system's time zone; the calendar's holidays are none."""

    weekdays: list[int] = [0, 1, 2, 3, 4]
    """0 is Monday."""
    begin: dt.time = dt.time(9)
    end: dt.time = dt.time(17)


class SupportTier(Entry):
    """A tier of support as the guide defines it; its response time is a target, not a wait."""

    title: str
    availability: Literal["always", "business_hours", "business_hours_and_on_call", "on_call"]
    hours: Hours = Hours()
    on_call: Name | None = None
    """The owner or rotation that answers outside business hours, where it is another."""
    response_minutes: int = Field(gt=0)
    responsibilities: list[str]


class Rotation(Entry):
    """Who is on call in turn: the members in order, each from one hand-over to the next.

    Whose turn it is follows from the number of hand-overs since the first of January 2024; to begin with
    another member, change the order.
    """

    members: list[Name] = Field(min_length=1)
    handover: Cron = "0 9 * * 1"
    timezone: TimeZone = "UTC"


class Channels(Entry):
    """Where the system's messages go."""

    slack_channel: str | None = None
    email: Email | None = None
    pagerduty_service: str | None = None
    status_page: Url | None = None
    by_state: dict[Literal["critical", "warning"], list[Literal["pagerduty", "slack", "email"]]] = {}
    """Which channels an alert of each state goes to."""
