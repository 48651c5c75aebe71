"""Who is on call now for an owner or a rotation of a system.

A rotation's members take turns: on call is the member whose place is the number of hand-overs since the
beginning of 2024, modulo the members. Nothing is stored, so that every process says the same. A hand-over
is a wall time: one that the clocks skip is as much later, one that they show twice is at the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import croniter

from upkeep.catalog.schedules import previous_due
from upkeep.incidents.model import ChainLevel, Person

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.catalog.models.people import Rotation, SupportTier

FIRST_YEAR = 2024
"""Hand-overs are counted from the first of January of this year, which was a Monday."""


@dataclass(frozen=True)
class StandIn:
    """Somebody stands in for an owner or a rotation from one time to another. The later in a list wins."""

    owner: str
    person: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class OnCall:
    """Who is on call, or why nobody is."""

    person: Person | None
    reason: str | None = None


def on_call(system: System | None, level: ChainLevel, stand_ins: Sequence[StandIn], now: datetime) -> OnCall:
    """Return whom this level pages now. `stand_ins` are the system's, cancelled ones left out.

    A stand-in for the level's name wins, then the rotation's turn or the owner's tier, then a stand-in
    for whoever that is. An owner that the catalog does not know any more is served by the copy in the
    level; without a copy nobody is on call.
    """
    if system is None:
        return _copied(level, "the catalog has no such system any more")
    name = _stand_in(level.owner, stand_ins, now)
    if name == level.owner:
        turn = _turn(system, level.owner, now)
        if turn is None:
            return OnCall(None, f"outside the business hours of {level.owner}")
        name = _stand_in(turn, stand_ins, now)
    if person := owner_of(system, name):
        return OnCall(person)
    return _copied(level, f"the catalog does not know {name!r}")


def owner_of(system: System, name: str) -> Person | None:
    """Return an owner, or the first member of a rotation, with the system's channels where it has none."""
    if rotation := system.rotations.get(name):
        name = rotation.members[0]
    owner = system.owners.get(name)
    if owner is None:
        return None
    return Person(
        name=name,
        title=owner.title,
        email=owner.email or system.channels.email,
        slack_channel=owner.slack_channel or system.channels.slack_channel,
        phone=owner.phone,
        pagerduty_service=system.channels.pagerduty_service,
    )


def member(rotation: Rotation, now: datetime) -> str:
    """Return the member of a rotation whose turn it is."""
    zone = ZoneInfo(rotation.timezone)
    last = previous_due(rotation.handover, rotation.timezone, now + timedelta(microseconds=1))
    shown = last.astimezone(zone).replace(tzinfo=None)
    return rotation.members[_handovers(rotation.handover, shown) % len(rotation.members)]


def _copied(level: ChainLevel, reason: str) -> OnCall:
    return OnCall(level.fallback) if level.fallback else OnCall(None, reason)


def _stand_in(name: str, stand_ins: Sequence[StandIn], now: datetime) -> str:
    for stand_in in reversed(stand_ins):
        if stand_in.owner == name and stand_in.starts_at <= now < stand_in.ends_at:
            return stand_in.person
    return name


def _turn(system: System, name: str, now: datetime) -> str | None:
    """Return the owner who serves for a name now, None outside the business hours of its tier."""
    if rotation := system.rotations.get(name):
        return member(rotation, now)
    owner = system.owners.get(name)
    tier = system.tiers.get(owner.tier) if owner and owner.tier else None
    if tier is None or tier.availability in ("always", "on_call") or _at_work(system, tier, now):
        return name
    if tier.on_call:
        rotation = system.rotations.get(tier.on_call)
        return member(rotation, now) if rotation else tier.on_call
    return None if tier.availability == "business_hours" else name


def _at_work(system: System, tier: SupportTier, now: datetime) -> bool:
    there = now.astimezone(ZoneInfo(system.timezone))
    if there.date() in system.calendar.holidays or there.weekday() not in tier.hours.weekdays:
        return False
    return tier.hours.begin <= there.time() < tier.hours.end


def _handovers(cron: str, until: datetime) -> int:
    """Return how many wall times of the schedule lie between the first year's beginning and `until`."""
    whole = sum(_in_year(cron, year) for year in range(FIRST_YEAR, until.year))
    return whole + _between(cron, datetime(max(until.year, FIRST_YEAR), 1, 1), until)  # noqa: DTZ001


@lru_cache(maxsize=1024)
def _in_year(cron: str, year: int) -> int:
    begin, end = datetime(year, 1, 1), datetime(year + 1, 1, 1)  # noqa: DTZ001 - wall times
    return _between(cron, begin, end - timedelta(minutes=1))


def _between(cron: str, begin: datetime, end: datetime) -> int:
    schedule, count = croniter(cron, begin - timedelta(seconds=1)), 0
    while schedule.get_next(datetime) <= end:
        count += 1
    return count
