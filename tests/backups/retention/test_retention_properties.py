"""What holds for every history of backups, every policy and every zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tests.backups.retention.strategies import ELSEWHERE, ZONES, histories, rules

from upkeep.backups.model import Level
from upkeep.backups.periods import periods
from upkeep.backups.retention import Candidate, Rules, retain
from upkeep.catalog.models.backups import Keep

DAY = timedelta(days=1)
offsets = st.integers(0, 60 * 24 * 200).map(lambda minutes: timedelta(minutes=minutes))


def kept(candidates: list[Candidate], by: Rules, now: datetime) -> set[str]:
    return {one.name for one in retain(candidates, by, now).kept}


def moment(history: list[Candidate], after: timedelta) -> datetime:
    return min((one.made_at for one in history), default=datetime(2026, 9, 1, tzinfo=UTC)) + after


def listed(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates as a listing has them: what is not there needs nothing."""
    found = list(candidates)
    there = {one.name for one in found} | {ELSEWHERE}
    return [replace(one, needed_by=tuple(by for by in one.needed_by if by in there)) for one in found]


@given(histories(), rules, offsets)
def test_what_must_never_go_stays(history, by, after):
    now = moment(history, after)
    found = retain(history, by, now)
    gone = {one.name for one in found.expiring}
    past = [one for one in history if one.made_at <= now]
    good = sorted((one for one in past if one.good), key=lambda one: one.made_at)
    proven = [one for one in good if one.level >= by.proof]
    restored = [one for one in good if one.level >= Level.RESTORED]
    for last in (good, proven, restored):
        assert not last or last[-1].name not in gone
    for one in history:
        if one.name in gone:
            assert not one.held
            assert one.made_at <= now - DAY
            assert one.made_at < proven[-1].made_at
    assert len(found.kept) + len(found.expiring) == len(history)
    assert all(one.reasons for one in (*found.kept, *found.expiring))


@given(histories(), rules, offsets)
def test_what_stays_can_be_restored(history, by, after):
    """And what nobody needs goes as before: of those that stay for another one, that one stays."""
    now = moment(history, after)
    found = retain(history, by, now)
    gone = {one.name for one in found.expiring}
    assert all(set(one.needed_by) <= gone for one in history if one.name in gone)
    alone = kept([replace(one, needed_by=()) for one in history], by, now)
    stays = {one.name: one.needed_by for one in history if one.name not in gone}
    assert all(name in alone or set(needs) - gone for name, needs in stays.items())


@given(histories(), rules, offsets, st.randoms())
def test_the_order_of_a_listing_says_nothing(history, by, after, chance):
    now = moment(history, after)
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert retain(shuffled, by, now) == retain(history, by, now)


@given(histories(), rules, offsets)
def test_once_is_as_good_as_twice(history, by, after):
    now = moment(history, after)
    survivors = [one.candidate for one in retain(history, by, now).kept]
    assert retain(survivors, by, now).expiring == ()


@given(histories(), rules, st.lists(offsets, max_size=30))
def test_what_goes_today_is_not_needed_tomorrow(history, by, runs):
    """Retention at any times, of what is there at each, leaves what a single run at the end leaves."""
    # A later one that needs it could not have been made without it: here only earlier ones need one.
    made = {one.name: one.made_at for one in history}
    history = [
        replace(one, needed_by=tuple(by for by in one.needed_by if made.get(by, one.made_at) <= one.made_at))
        for one in history
    ]
    end = max(runs, default=timedelta()) + 30 * DAY
    there: dict[str, Candidate] = {}
    before = moment(history, timedelta()) - DAY
    for after in [*sorted(runs), end]:
        now = moment(history, after)
        there |= {one.name: one for one in history if before < one.made_at <= now}
        there = {one.name: one.candidate for one in retain(listed(there.values()), by, now).kept}
        before = now
    now = moment(history, end)
    assert set(there) == kept(listed(one for one in history if one.made_at <= now), by, now)


@given(histories(), rules, offsets)
def test_no_more_are_kept_than_there_are_slots(history, by, after):
    now = moment(history, after)
    held_by_period = [
        one for one in retain(history, by, now).kept if all(" of " in reason for reason in one.reasons)
    ]
    keep = by.keep
    most = 25 * ((keep.hourly_days or -1) + 1)  # a day has 25 hours when the clocks go back
    most += sum((length or -1) + 1 for length in (keep.daily_days, keep.weekly_weeks, keep.monthly_months))
    assert len(held_by_period) <= most
    assert len(retain(history, by, now).kept) >= min(1, len(history))


@given(histories(), rules, offsets)
def test_every_slot_that_had_a_good_one_has_one(history, by, after):
    now = moment(history, after)
    zone = ZoneInfo(by.zone)
    good = [one for one in history if one.good and one.made_at <= now]
    left = [one.candidate for one in retain(history, by, now).kept if one.candidate in good]
    if not good:
        return
    newest = max(one.made_at for one in good).astimezone(zone)
    for period in periods(by.keep):

        def slots(candidates, period=period):
            local = [one.made_at.astimezone(zone) for one in candidates]
            return {period.slot(at) for at in local if period.covers(at, newest)}

        assert slots(good) == slots(left)


@given(histories(), rules, offsets, st.sampled_from(ZONES))
def test_how_a_time_is_written_says_nothing(history, by, after, zone):
    """The same moments in another zone are the same backups; only the system's zone decides."""
    now = moment(history, after)
    elsewhere = [
        Candidate(**{**one.__dict__, "made_at": one.made_at.astimezone(ZoneInfo(zone))}) for one in history
    ]
    assert kept(elsewhere, by, now.astimezone(ZoneInfo(zone))) == kept(history, by, now)


@given(st.sampled_from(ZONES), st.integers(1, 40), st.integers(0, 3650))
def test_a_daily_backup_is_there_for_each_of_its_days(zone, days, start):
    """At noon of every local day: leap days, days that the zone skips, days of 23 and 25 hours."""
    local = ZoneInfo(zone)
    noons = [datetime(2023, 1, 1, 12, tzinfo=local) + (start + n) * DAY for n in range(days + 20)]
    made = [Candidate(f"{at:%Y-%m-%d}", at.astimezone(UTC), Level.CHECKSUMS) for at in noons]
    names = kept(made, Rules(Keep(daily_days=days), zone), made[-1].made_at)
    assert names == {f"{at:%Y-%m-%d}" for at in noons[-days - 1 :]}


@given(st.sampled_from(ZONES), st.integers(1, 24), st.integers(0, 3650))
def test_a_monthly_backup_is_there_for_each_of_its_months(zone, months, start):
    """A backup a day: of every month, whatever its length, its last day is kept."""
    local = ZoneInfo(zone)
    days = [datetime(2023, 1, 1, 2, 30, tzinfo=local) + (start + n) * DAY for n in range(800)]
    made = [Candidate(f"{n}", at.astimezone(UTC), Level.CHECKSUMS) for n, at in enumerate(days)]
    names = kept(made, Rules(Keep(monthly_months=months), zone), made[-1].made_at)
    last = days[-1].year * 12 + days[-1].month
    ends = {
        f"{n}"
        for n, at in enumerate(days)
        if (n + 1 == len(days) or days[n + 1].month != at.month) and last - at.year * 12 - at.month <= months
    }
    # The day before the last is younger than a day where the clocks went forward.
    assert ends <= names <= ends | {"798"}
