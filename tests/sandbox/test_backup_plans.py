from __future__ import annotations

import gzip
import io
import tarfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.seeds.backups import POLICIES, Policy, policy
from sandbox.seeds.content import content

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda m: m.replace(tzinfo=UTC))  # noqa: DTZ001
policies = st.sampled_from(POLICIES)
LONG = timedelta(days=500)


@given(policies, moments)
def test_every_backup_that_exists_is_complete_and_kept(one: Policy, now: datetime) -> None:
    found = one.moments(now - LONG, now)
    assert found == sorted(set(found))
    assert found
    complete = now - one.takes
    assert all(complete - timedelta(days=max(one.keeps.values())) <= moment <= complete for moment in found)


@given(policies, moments)
def test_the_newest_is_not_older_than_two_intervals(one: Policy, now: datetime) -> None:
    newest = one.moments(now - LONG, now)[-1]
    longest = timedelta(days=31) if "1 * *" in next(iter(one.keeps)) else one.interval(now)
    assert now - newest <= longest + one.takes


@given(policies, moments, st.integers(1, 48))
def test_looking_twice_finds_the_same_as_looking_once(one: Policy, start: datetime, hours: int) -> None:
    middle, end = start + timedelta(hours=hours), start + timedelta(hours=2 * hours)
    twice = one.moments(start, middle) + one.moments(middle, end)
    assert set(one.moments(start, end)) <= set(twice)
    assert len(twice) == len(set(twice))


@given(policies, moments, st.integers(30, 300))
def test_backups_grow_by_five_per_cent_a_month(one: Policy, now: datetime, days: int) -> None:
    before = one.size_at(now - timedelta(days=days), now)
    expected = one.size * 1.05 ** (-days / 30.4)
    assert before == pytest.approx(expected, rel=0.011, abs=1)


@pytest.mark.parametrize("minute", [2, 8, 15])
def test_there_are_as_many_while_one_is_made_as_at_any_hour(minute: int) -> None:
    now = datetime(2026, 5, 20, 3, minute, tzinfo=UTC)
    assert len(policy("quikapp/database").moments(now - LONG, now)) == 14


def test_hourly_backups_are_thinned_out_to_daily_ones() -> None:
    now = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)
    found = policy("tapio/application_state").moments(now - LONG, now)
    assert len(found) == 7 * 24 + 23
    assert {moment.hour for moment in found if now - moment > timedelta(days=7)} == {0}


def test_a_dump_is_sql_and_an_archive_unpacks() -> None:
    moment = datetime(2026, 5, 20, 2, tzinfo=UTC)
    dump = content("backup-20260520-020000.sql.gz", 40_000, moment)
    assert 30_000 < len(dump) < 50_000
    text = gzip.decompress(dump).decode()
    assert "CREATE TABLE `tasks`" in text
    assert text.endswith("-- Dump completed\n")
    packed = content("files-x.tar.gz", 20_000, moment)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert [member.size for member in archive] == [20_000]
    assert content("files-x.tar.gz", 20_000, moment) == packed
