"""What retention keeps, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from upkeep.backups.model import Level
from upkeep.backups.retention import Candidate, Rules, retain
from upkeep.catalog.models.backups import Keep

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DAILY = Rules(Keep(daily_days=2))


def backup(name: str, at: datetime, level: Level = Level.CHECKSUMS, **more: bool) -> Candidate:
    return Candidate(name, at, level, **more)


def reasons(found) -> dict[str, str]:
    return {one.name: "; ".join(one.reasons) for one in (*found.kept, *found.expiring)}


def names(decisions) -> list[str]:
    return [one.name for one in decisions]


class TestPeriods:
    def test_of_each_day_the_newest(self):
        made = [
            backup(f"{day}-{hour}", NOW - day * DAY - timedelta(hours=hour))
            for day in (2, 3)
            for hour in (1, 2)
        ]
        found = retain([backup("new", NOW), *made], Rules(Keep(daily_days=7)), NOW)
        assert names(found.kept) == ["new", "2-1", "3-1"]
        assert reasons(found)["2-1"] == "daily of 2026-11-19"
        assert reasons(found)["2-2"] == "no period needs it, and new is newer and proven"

    def test_of_a_day_the_newest_that_is_proven(self):
        """What is proven is never given up for what is not, though that is newer."""
        day = [
            backup("proven", NOW - 3 * DAY),
            backup("unproven", NOW - 3 * DAY + timedelta(hours=2), Level.COMPLETE),
        ]
        found = retain([*day, backup("new", NOW)], Rules(Keep(daily_days=7)), NOW)
        assert names(found.expiring) == ["unproven"]

    def test_a_period_is_kept_for_no_less_than_it_says(self):
        made = [backup(f"{day}", NOW - day * DAY) for day in range(40)]
        found = retain(made, Rules(Keep(daily_days=30)), NOW)
        assert names(found.kept) == [f"{day}" for day in range(31)]

    def test_grandfather_father_son(self):
        """The default of systems whose guide says nothing: 30 days, 12 weeks, 12 months."""
        keep = Keep(daily_days=30, weekly_weeks=12, monthly_months=12)
        made = [backup(f"{NOW - day * DAY:%Y-%m-%d}", NOW - day * DAY) for day in range(800)]
        found = retain(made, Rules(keep), NOW)
        assert len(found.kept) == 31 + 8 + 11
        why = reasons(found)
        assert why["2026-10-31"] == "daily of 2026-10-31; monthly of 2026-10"
        assert why["2026-10-11"] == "weekly of 2026-W41"
        assert why["2025-11-30"] == "monthly of 2025-11"
        assert why["2025-10-31"].startswith("no period needs it")

    def test_a_week_around_new_year_is_one(self):
        at = datetime(2027, 1, 4, 12, tzinfo=UTC)
        made = [
            backup(f"{day:%m-%d}", day)
            for day in (datetime(2026, 12, 28, tzinfo=UTC) + n * DAY for n in range(7))
        ]
        found = retain([backup("new", at), *made], Rules(Keep(weekly_weeks=4)), at)
        assert reasons(found)["01-03"] == "weekly of 2026-W53"
        assert names(found.kept) == ["new", "01-03"]

    def test_an_hour_that_the_clocks_show_twice_is_two(self):
        zone = "Europe/Berlin"
        night = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # 01:30, 02:30 twice, 03:30
        made = [backup(f"{n}", night + timedelta(hours=n)) for n in range(4)]
        later = night + 2 * DAY
        found = retain([*made, backup("new", later)], Rules(Keep(hourly_days=7), zone), later)
        assert found.expiring == ()
        assert reasons(found)["1"] == "hourly of 2026-10-25T02:00+02:00"
        assert reasons(found)["2"] == "hourly of 2026-10-25T02:00+01:00"

    def test_days_are_those_of_the_systems_zone(self):
        zone = ZoneInfo("Pacific/Auckland")
        made = [
            backup("a", datetime(2026, 11, 1, 23, tzinfo=zone)),
            backup("b", datetime(2026, 11, 2, 1, tzinfo=zone)),
        ]
        assert made[0].made_at.astimezone(UTC).date() == made[1].made_at.astimezone(UTC).date()
        new = backup("new", NOW)
        assert names(retain([*made, new], Rules(Keep(daily_days=60), "Pacific/Auckland"), NOW).expiring) == []
        assert names(retain([*made, new], Rules(Keep(daily_days=60), "UTC"), NOW).expiring) == ["a"]

    def test_no_period_keeps_all(self):
        made = [
            backup("a", NOW - 4000 * DAY),
            backup("b", NOW - 3000 * DAY, complete=False),
            backup("c", NOW),
        ]
        found = retain(made, Rules(Keep()), NOW)
        assert names(found.kept) == ["c", "b", "a"]
        assert reasons(found)["a"] == "the policy names no period: all are kept"


class TestNever:
    def test_the_last_good_one(self):
        made = [
            backup("good", NOW - 400 * DAY),
            backup("broken", NOW - 10 * DAY, broken=True),
            backup("cut", NOW - 5 * DAY, complete=False),
        ]
        found = retain(made, DAILY, NOW)
        assert found.expiring == ()
        assert reasons(found)["good"].endswith("the last good one; daily of 2025-10-17")

    def test_what_is_under_legal_hold(self):
        made = [
            backup("held", NOW - 400 * DAY, held=True),
            backup("old", NOW - 400 * DAY),
            backup("new", NOW),
        ]
        found = retain(made, DAILY, NOW)
        assert names(found.expiring) == ["old"]
        assert reasons(found)["held"] == "under legal hold"

    def test_the_proven_for_the_unproven(self):
        made = [backup("old", NOW - 400 * DAY), backup("new", NOW, Level.COMPLETE)]
        found = retain(made, DAILY, NOW)
        assert found.expiring == ()
        assert reasons(found)["old"] == "its newer sibling is unproven: no newer one has passed checksums"
        enough = retain(made, Rules(Keep(daily_days=2), proof=Level.COMPLETE), NOW)
        assert names(enough.expiring) == ["old"]

    def test_what_was_shown_broken_proves_nothing(self):
        made = [backup("old", NOW - 400 * DAY), backup("new", NOW - 2 * DAY, Level.RESTORED, broken=True)]
        assert retain(made, DAILY, NOW).expiring == ()

    def test_the_last_one_that_was_restored(self):
        made = [
            backup("older", NOW - 500 * DAY, Level.RESTORED),
            backup("restored", NOW - 400 * DAY, Level.RESTORED),
            backup("new", NOW),
        ]
        found = retain(made, DAILY, NOW)
        assert names(found.expiring) == ["older"]
        assert reasons(found)["restored"] == "the last one that was restored"

    def test_what_is_made_in_the_future_and_it_replaces_nothing(self):
        made = [backup("old", NOW - 400 * DAY), backup("jump", NOW + 900 * DAY)]
        found = retain(made, DAILY, NOW)
        assert found.expiring == ()
        assert "in the future" in reasons(found)["jump"]
        assert "the last good one" in reasons(found)["old"]

    def test_all_of_the_past_because_backups_stopped_or_the_clock_jumped(self):
        made = [backup(f"{day}", NOW - day * DAY) for day in range(3)]
        assert retain(made, DAILY, NOW + 3650 * DAY).expiring == ()

    @pytest.mark.parametrize("what", [{"complete": False}, {"broken": True}])
    def test_the_unfinished_before_a_day_and_a_better_one(self, what):
        young, old = backup("young", NOW - DAY / 2, **what), backup("old", NOW - 3 * DAY / 2, **what)
        assert retain([young, old], DAILY, NOW).expiring == ()
        found = retain([young, old, backup("new", NOW)], DAILY, NOW)
        assert names(found.expiring) == ["old"]
        assert reasons(found)["young"] == "younger than a day"


def test_mistakes_of_the_caller():
    with pytest.raises(ValueError, match="same name"):
        retain([backup("a", NOW), backup("a", NOW - DAY)], DAILY, NOW)
    with pytest.raises(ValueError, match="no time zone"):
        retain([backup("a", NOW.replace(tzinfo=None))], DAILY, NOW)
    with pytest.raises(ValueError, match="no time zone"):
        retain([], DAILY, NOW.replace(tzinfo=None))
    assert retain([], DAILY, NOW).kept == ()
