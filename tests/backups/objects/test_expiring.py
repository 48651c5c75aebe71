"""Which versions of an object are kept: an object can be had as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tests.backups.retention.strategies import ZONES, some_keeps

from upkeep.backups.objects.expiring import VersionRules, decided
from upkeep.backups.objects.versions import ObjectVersion
from upkeep.backups.periods import periods
from upkeep.catalog.models.backups import Keep

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def version(name: str, at: datetime, *, key: str = "a", latest: bool = False, marker: bool = False):
    return ObjectVersion(key, name, 0 if marker else 1, at, latest, marker, "", "STANDARD")


def history(*ages: float, marker: tuple[int, ...] = (), key: str = "a") -> list[ObjectVersion]:
    """Return versions of these ages in days, newest first, as S3 lists them; `v0` is the current one."""
    return [
        version(f"v{n}", NOW - age * DAY, key=key, latest=n == 0, marker=n in marker)
        for n, age in enumerate(ages)
    ]


def rules(keep: Keep, **more) -> VersionRules:
    return VersionRules(keep, more.pop("zone", "UTC"), more.pop("now", NOW), **more)


def why(stream, by: VersionRules) -> dict[str, str | None]:
    return {one.version_id: reason for one, reason in decided(stream, by)}


def test_an_old_version_that_was_replaced_today_can_be_had_back():
    """By its own age it would have expired a year ago, and with it the only good one."""
    assert why(history(0.1, 400), rules(Keep(daily_days=7)))["v1"] == "younger than a day"
    assert why(history(3, 400), rules(Keep(daily_days=7)))["v1"] == "daily"
    assert why(history(7, 400), rules(Keep(daily_days=7)))["v1"] == "daily"
    assert why(history(8, 400), rules(Keep(daily_days=7)))["v1"] is None


def test_of_a_day_in_which_much_was_written_the_first_that_was_replaced_is_kept():
    found = why(history(2, 3.01, 3.02, 3.03, 50), rules(Keep(daily_days=7)))
    assert found == {"v0": "current", "v1": "daily", "v2": None, "v3": None, "v4": "daily"}


def test_the_current_version_stays_for_ever():
    assert why(history(5000), rules(Keep(daily_days=1))) == {"v0": "current"}


def test_the_last_version_of_a_deleted_object_stays_unless_it_may_be_forgotten():
    deleted = history(500, 600, 700, marker=(0,))
    found = why(deleted, rules(Keep(daily_days=7)))
    assert found == {"v0": "current", "v1": "the last one of a deleted object", "v2": None}
    found = why(deleted, rules(Keep(daily_days=7), forget_deleted=True))
    assert found == {"v0": "current", "v1": None, "v2": None}
    recent = history(5, 600, marker=(0,))
    assert why(recent, rules(Keep(daily_days=7), forget_deleted=True))["v1"] == "daily"


def test_a_delete_marker_that_hides_nothing_goes():
    assert why(history(2, marker=(0,)), rules(Keep(daily_days=7))) == {"v0": None}
    assert why(history(0.5, marker=(0,)), rules(Keep(daily_days=7))) == {"v0": "current"}
    both = [*history(2, marker=(0,)), *history(2, 3, key="b")]
    assert [reason for _, reason in decided(both, rules(Keep(daily_days=7)))] == [None, "current", "daily"]


def test_keys_do_not_mix():
    stream = [*history(10, 20, 30, key="a"), *history(400, 500, 600, key="b")]
    found = [reason for _, reason in decided(stream, rules(Keep(monthly_months=3)))]
    assert found == ["current", None, "monthly", "current", None, None]


def test_a_plan_carried_out_after_an_object_came_back_keeps_what_it_kept():
    deleted = history(300, 400, 500, marker=(0,))
    back = [version("new", NOW + DAY, latest=True), *(one._replace(latest=False) for one in deleted)]
    assert why(back, rules(Keep(daily_days=7)))["v1"] == "the last one of a deleted object"


def test_a_clock_that_is_wrong_deletes_nothing():
    assert why(history(-3, 400, 500), rules(Keep(daily_days=7)))["v1"] == "in the future: is a clock wrong?"


def test_what_begins_without_its_latest_is_kept():
    rest = history(500, 600, 700)[1:]
    assert why(rest, rules(Keep(daily_days=7))) == {"v1": "what replaced it is not listed", "v2": None}


def test_no_period_keeps_all():
    assert None not in why(history(500, 600, 700), rules(Keep())).values()


def test_an_hour_that_the_clocks_show_twice_is_two():
    night = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    made = [version(f"v{n}", night + timedelta(hours=n), latest=n == 3) for n in (3, 2, 1, 0)]
    by = VersionRules(Keep(hourly_days=7), "Europe/Berlin", night + 3 * DAY)
    assert list(why(made, by).values()) == ["current", "hourly", "hourly", "hourly"]


BEGINNINGS = [datetime(2026, 9, 1, tzinfo=UTC), datetime(2023, 12, 15, tzinfo=UTC)]
writes = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60 * 24 * 120), st.integers(0, 5)),
    max_size=40,
    unique_by=lambda one: one[:2],
)


def as_listed(begin: datetime, written: list[tuple[str, int, int]]) -> list[ObjectVersion]:
    """Return versions in S3's order, one in six a delete marker."""
    ordered = sorted(written, key=lambda one: (one[0], -one[1]))
    return [
        version(f"{key}{minutes}", begin + timedelta(minutes=minutes), key=key, marker=chance == 0)
        for key, minutes, chance in ordered
    ]


streams = st.builds(as_listed, st.sampled_from(BEGINNINGS), writes)


version_rules = st.builds(
    lambda keep, zone, minutes, forget: VersionRules(
        keep, zone, datetime(2023, 12, 15, tzinfo=UTC) + timedelta(minutes=minutes), forget
    ),
    some_keeps,
    st.sampled_from(ZONES),
    st.integers(0, 60 * 24 * 1200),
    st.booleans(),
)


def listed(stream, at: datetime) -> list[ObjectVersion]:
    """Return what S3 lists at a time: what was written until then, the newest of each key the latest."""
    there = [one for one in stream if one.modified_at <= at]
    firsts = {one.key: one.version_id for one in reversed(there)}
    return [one._replace(latest=firsts[one.key] == one.version_id) for one in there]


def survivors(stream, by: VersionRules) -> list[ObjectVersion]:
    return [one for one, reason in decided(listed(stream, by.now), by) if reason]


@given(streams, version_rules)
def test_an_object_can_be_had_as_it_was_at_every_moment_that_is_kept(stream, by):
    """At each begin of a slot within its period: what was current then is there."""
    zone = ZoneInfo(by.zone)
    now, there = by.now.astimezone(zone), listed(stream, by.now)
    kept = {one.version_id for one in survivors(stream, by)}
    for newer, one in pairwise(there):
        if newer.key != one.key or one.delete_marker:
            continue
        written, replaced = one.modified_at.astimezone(zone), newer.modified_at.astimezone(zone)
        for period in periods(by.keep):
            if period.covers(replaced, now) and period.label(written) != period.label(replaced):
                assert one.version_id in kept


@given(streams, version_rules)
def test_what_can_be_read_stays_and_an_object_keeps_its_data(stream, by):
    there = listed(stream, by.now)
    kept = survivors(stream, by)
    for one in there:
        if one.latest and not one.delete_marker:
            assert one in kept
    if not by.forget_deleted:
        assert {one.key for one in there if not one.delete_marker} <= {
            one.key for one in kept if not one.delete_marker
        }


@given(streams, version_rules)
def test_once_is_as_good_as_twice(stream, by):
    once = survivors(stream, by)
    lone = {one.key for one in once} - {one.key for one in once if not one.delete_marker}
    again = survivors(once, by)
    assert [one for one in again if one.key not in lone] == [one for one in once if one.key not in lone]


@given(streams, version_rules, st.lists(st.integers(0, 200), max_size=20))
def test_what_goes_today_is_not_needed_tomorrow(stream, by, days):
    """Retention on any days leaves the data that a single run at the end leaves."""
    begin = min((one.modified_at for one in stream), default=NOW)
    gone: set[str] = set()
    for day in [*sorted(days), 200]:
        now = VersionRules(by.keep, by.zone, begin + day * DAY, by.forget_deleted)
        there = [one for one in stream if one.version_id not in gone]
        left = {one.version_id for one in survivors(there, now)}
        gone |= {one.version_id for one in listed(there, now.now)} - left
    end = VersionRules(by.keep, by.zone, begin + 200 * DAY, by.forget_deleted)
    at_once = {one.version_id for one in survivors(stream, end) if not one.delete_marker}
    assert {one.version_id for one in stream if not one.delete_marker} - gone == at_once


@given(streams, version_rules, st.integers(0, 10))
def test_a_fresh_listing_under_the_same_rules_never_loses_more(stream, by, later):
    """What is decided again at a planned moment, after others wrote and deleted, was planned then."""
    planned = {one.version_id for one, reason in decided(listed(stream, by.now), by) if not reason}
    half = {name for n, name in enumerate(sorted(planned)) if n % 2}
    fresh = [one for one in stream if one.version_id not in half]
    again = decided(listed(fresh, by.now + later * DAY), by)
    lone = {one.key for one in stream} - {one.key for one in survivors(stream, by) if not one.delete_marker}
    assert {one.version_id for one, reason in again if not reason and one.key not in lone} <= planned
