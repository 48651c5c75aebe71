"""Who is on call: turns and their hand-overs, tiers, stand-ins, and people who do not exist."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.incidents.chain import level
from tests.servers.situation import make_system

from upkeep.catalog.models import System
from upkeep.catalog.models.people import Rotation
from upkeep.catalog.schedules import next_due, previous_due
from upkeep.incidents.model import Person
from upkeep.incidents.oncall import StandIn, member, on_call, owner_of

NAMES = ["ada", "bob", "eve"]
WEEKLY = Rotation(members=NAMES, handover="0 9 * * 1", timezone="Europe/Berlin")
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.integers(0, 7 * 365 * 1440).map(
    lambda minutes: datetime(2024, 1, 9, tzinfo=UTC) + timedelta(minutes=minutes)
)
CRONS = st.sampled_from(["0 9 * * 1", "30 2 * * *", "0 0 1 * *", "0 8,20 * * *"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


def system(**parts: object) -> System:
    owners = {name: {"title": name.title(), "email": f"{name}@shop.example"} for name in ["sre", *NAMES]}
    return make_system(**{"owners": owners, "rotations": {"primary": WEEKLY.model_dump()}} | parts)


def who(of: System | None, owner: str, at: datetime, *stand_ins: StandIn) -> str | None:
    found = on_call(of, replace(level(owner), fallback=None), stand_ins, at)
    assert (found.person is None) == (found.reason is not None)
    return found.person.name if found.person else None


def berlin(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def test_each_member_has_the_week_from_one_hand_over_to_the_next() -> None:
    # The second of March 2026 is a Monday.
    before, first, last = berlin(2, 8, 59), berlin(2, 9), berlin(9, 8, 59)

    assert who(system(), "primary", first) == who(system(), "primary", last)
    turns = [member(WEEKLY, first + timedelta(weeks=week)) for week in range(3)]
    assert sorted(turns) == NAMES
    assert NAMES.index(turns[1]) == (NAMES.index(turns[0]) + 1) % 3
    assert member(WEEKLY, before) != turns[0]


def test_the_hand_over_is_on_the_wall_clock_in_summer_and_winter() -> None:
    # The clocks go forward on the 29th of March 2026 and back on the 25th of October.
    for day, month in ((30, 3), (26, 10)):
        at = berlin(day, 9, month=month)
        assert member(WEEKLY, at) != member(WEEKLY, at - timedelta(minutes=1))
        assert member(WEEKLY, at) == member(WEEKLY, at + timedelta(days=6))


@given(CRONS, ZONES, MOMENTS)
def test_a_turn_lasts_from_hand_over_to_hand_over_and_the_next_member_follows(
    cron: str, zone: str, at: datetime
) -> None:
    rotation = Rotation(members=NAMES, handover=cron, timezone=zone)
    begin = previous_due(cron, zone, at + timedelta(microseconds=1))
    end = next_due(cron, zone, at)

    now = member(rotation, at)
    assert member(rotation, begin) == now
    assert member(rotation, end - timedelta(microseconds=1)) == now
    assert NAMES.index(member(rotation, end)) == (NAMES.index(now) + 1) % 3


@given(MOMENTS)
def test_a_rotation_of_one_is_always_that_one(at: datetime) -> None:
    assert member(Rotation(members=["ada"]), at) == "ada"


def test_a_stand_in_wins_for_its_time_and_the_later_decision_over_the_earlier() -> None:
    at = berlin(2, 9)
    bob = StandIn("primary", "bob", at, at + timedelta(hours=8))
    eve = StandIn("primary", "eve", at + timedelta(hours=4), at + timedelta(hours=6))
    turn = who(system(), "primary", at - timedelta(minutes=1), bob, eve)

    assert [who(system(), "primary", at + timedelta(hours=h), bob, eve) for h in (0, 4, 6)] == [
        "bob",
        "eve",
        "bob",
    ]
    assert who(system(), "primary", at + timedelta(hours=8), bob, eve) == member(WEEKLY, at)
    assert turn == member(WEEKLY, at - timedelta(minutes=1))


def test_a_stand_in_for_a_person_serves_wherever_it_is_the_persons_turn() -> None:
    at = berlin(2, 9)
    absent = member(WEEKLY, at)

    assert who(system(), "primary", at, StandIn(absent, "sre", at, at + timedelta(days=1))) == "sre"


@pytest.mark.parametrize("ghost", ["ghost", "primary"])
def test_a_person_that_the_catalog_does_not_know_is_nobody_with_the_reason(ghost: str) -> None:
    at = berlin(2, 9)
    swap = StandIn("sre", "ghost", at, at + timedelta(hours=1))

    found = on_call(system(), replace(level("sre"), fallback=None), [swap], at)

    assert (found.person, found.reason) == (None, "the catalog does not know 'ghost'")


def test_an_owner_that_has_left_the_catalog_is_served_by_the_chains_copy() -> None:
    kept = level("gone")

    assert on_call(system(), kept, [], berlin(2, 9)).person == kept.fallback
    assert on_call(None, kept, [], berlin(2, 9)).person == kept.fallback
    assert who(None, "gone", berlin(2, 9)) is None


@pytest.mark.parametrize(
    ("availability", "on_call_", "monday", "night", "holiday"),
    [
        ("always", None, "ada", "ada", "ada"),
        ("on_call", None, "ada", "ada", "ada"),
        ("business_hours", None, "ada", None, None),
        ("business_hours", "bob", "ada", "bob", "bob"),
        ("business_hours_and_on_call", None, "ada", "ada", "ada"),
        ("business_hours_and_on_call", "bob", "ada", "bob", "bob"),
    ],
)
def test_a_tier_says_when_its_owners_are_there(
    availability: str, on_call_: str | None, monday: str, night: str | None, holiday: str | None
) -> None:
    of = system(
        timezone="Europe/Berlin",
        owners={
            "sre": {"title": "SRE"},
            "ada": {"title": "Ada", "tier": "l2"},
            "bob": {"title": "Bob"},
            "eve": {"title": "Eve"},
        },
        tiers={
            "l2": {
                "title": "L2",
                "availability": availability,
                "response_minutes": 60,
                "responsibilities": [],
                "on_call": on_call_,
            }
        },
        calendar={"holidays": ["2026-03-03"]},
    )

    assert who(of, "ada", berlin(2, 9)) == monday
    assert who(of, "ada", berlin(2, 17)) == night
    assert who(of, "ada", berlin(1, 12)) == night  # a Sunday
    assert who(of, "ada", berlin(3, 12)) == holiday


def test_contacts_that_an_owner_lacks_are_the_systems() -> None:
    of = system(channels={"slack_channel": "#shop", "email": "all@shop.example", "pagerduty_service": "Shop"})

    assert owner_of(of, "ada") == Person("ada", "Ada", "ada@shop.example", "#shop", None, "Shop")
    assert owner_of(of, "nobody") is None
