"""The plan of a deletion, and the guard that is asked just before it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backups.retention.strategies import histories, rules

from upkeep.backups.expiry import expiry_plan, still_safe
from upkeep.backups.model import Level
from upkeep.backups.retention import Candidate, Rules, retain
from upkeep.catalog.models.backups import Keep
from upkeep.errors import PermanentError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules(Keep(daily_days=2), "Europe/Berlin")
MADE = [Candidate(f"{day:02}", NOW - day * DAY, Level.CHECKSUMS) for day in range(6)]


def plan(candidates=MADE):
    return json.loads(json.dumps(expiry_plan("shop", candidates, RULES, NOW)))


def test_a_plan_is_plain_and_says_why():
    found = plan()
    assert found["expiring"] == {
        name: {
            "made_at": (NOW - int(name) * DAY).isoformat(),
            "why": "no period needs it, and 00 is newer and proven",
        }
        for name in ("03", "04", "05")
    }
    assert list(found["kept"]) == ["00", "01", "02"]
    assert found["hash"] == plan()["hash"] != plan(MADE[1:])["hash"]


def test_the_same_listing_is_safe_oldest_first():
    found = still_safe(plan(), MADE, NOW + DAY / 24)
    assert found.names == ("05", "04", "03")
    assert found.left == {}


def test_a_repeat_after_a_kill_goes_on_where_it_ended():
    assert still_safe(plan(), MADE[:4], NOW).names == ("03",)
    assert still_safe(plan(), MADE[:4], NOW).left == {"04": "gone already", "05": "gone already"}
    assert still_safe(plan(), [], NOW).names == ()


def test_time_alone_adds_nothing_to_a_plan():
    later = [*MADE, Candidate("new", NOW + 30 * DAY, Level.CHECKSUMS)]
    assert still_safe(plan(), later, NOW + 30 * DAY).names == ("05", "04", "03")


@pytest.mark.parametrize("change", [{"broken": True}, {"level": Level.COMPLETE}, {"complete": False}])
def test_what_is_no_longer_proven_takes_nothing_with_it(change):
    """All newer ones were found bad after the plan was made: the planned ones are all there is."""
    worse = [replace(one, **change) if one.name < "03" else one for one in MADE]
    found = still_safe(plan(), worse, NOW)
    assert "03" not in found.names
    assert found.left["03"].startswith("now kept: ")


def test_what_came_under_hold_or_was_made_anew_stays():
    held = [replace(one, held=one.name == "04") for one in MADE]
    assert still_safe(plan(), held, NOW).left == {"04": "now kept: under legal hold"}
    anew = [replace(one, made_at=one.made_at - DAY) if one.name == "05" else one for one in MADE]
    assert still_safe(plan(), anew, NOW).names == ("04", "03")
    assert "another of this name" in still_safe(plan(), anew, NOW).left["05"]


def test_a_plan_that_was_changed_is_refused():
    changed = plan()
    changed["expiring"]["00"] = changed["kept"].pop("00")
    with pytest.raises(PermanentError, match="plan again"):
        still_safe(changed, MADE, NOW)
    with pytest.raises(PermanentError, match="plan again"):
        still_safe({key: value for key, value in plan().items() if key != "hash"}, MADE, NOW)


@given(histories(), rules, st.lists(st.integers(0, 200), min_size=2, max_size=6), st.data())
def test_plans_carried_out_late_in_any_order_and_by_halves_take_nothing_needed(history, by, days, data):
    """Runs beside each other: each plans at its time, acts later, and may be killed half-way."""
    begin = min((one.made_at for one in history), default=NOW)
    end = begin + max(days) * DAY
    there = {one.name: one for one in history if one.made_at <= end}
    whole = list(there.values())
    plans = [
        expiry_plan("p", [one for one in whole if one.made_at <= at], by, at)
        for at in (begin + day * DAY for day in days)
    ]
    for each in data.draw(st.permutations(plans)):
        safe = still_safe(each, there.values(), end).names
        assert set(safe) <= set(each["expiring"])
        for name in safe[: data.draw(st.integers(0, len(safe)))]:
            del there[name]
    assert {one.name for one in retain(whole, by, end).kept} <= set(there)
