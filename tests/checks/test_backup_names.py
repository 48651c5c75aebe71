"""Times in the names of backups: whatever way they are written, they are read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.checks.backup_names import StoredObject, day_prefix, grouped, made_at, stamp

moments = st.integers(0, 5 * 365 * 86400).map(
    lambda s: datetime(2022, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
forms = st.sampled_from(
    [
        "backup-%Y%m%d-%H%M%S.sql",
        "db/%Y/%m/%d/db-%Y%m%dT%H%M%SZ.dump",
        "full_%Y-%m-%dT%H-%M-%SZ.tar.gz",
        "state/%Y/%m/%d/state-%Y%m%d_%H%M%S.tar.zst.age",
    ]
)


@given(at=moments, form=forms)
def test_a_time_in_a_name_is_read_back(at: datetime, form: str) -> None:
    found = stamp(at.strftime(form), "UTC")
    assert found is not None
    assert (found.moment, found.has_time) == (at, True)


@given(at=moments, form=forms, size=st.integers(0, 10**9))
def test_the_prefix_of_a_day_finds_the_object(at: datetime, form: str, size: int) -> None:
    key = at.strftime(form)
    found = day_prefix(key, "UTC")
    assert found is not None
    assert key.startswith(found[0] + at.strftime(found[1]))


@given(name=st.text(max_size=60))
def test_any_name_is_read_without_failing(name: str) -> None:
    found = stamp(name, "Europe/Berlin")
    assert found is None or found.text in name


def test_without_a_zone_the_time_is_on_the_systems_wall_clock() -> None:
    found = stamp("backup-20250610-020000.sql", "Europe/Berlin")
    assert found is not None
    assert found.moment == datetime(2025, 6, 10, 2, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    "name", ["files/abc123.pdf", "20251350.sql", "latest.sql", "v20250.tar", "1202506101.sql"]
)
def test_no_time_in_the_name(name: str) -> None:
    assert stamp(name, "UTC") is None


def stored(key: str, hour: int = 3, day: int = 10) -> StoredObject:
    return StoredObject(key, 10, datetime(2025, 6, day, hour, tzinfo=UTC))


def test_objects_of_one_time_are_one_backup() -> None:
    keys = [
        "db/2025/06/10/db-20250610T020000Z.dump",
        "db/2025/06/10/db-20250610T020000Z.manifest.json",
        "db/2025/06/10/db-20250610T080000Z.dump",
    ]
    assert [len(group) for _, group in grouped(map(stored, keys), "UTC")] == [2, 1]


def test_a_date_alone_is_refined_by_a_change_on_that_day_only() -> None:
    assert made_at([stored("data-20250610.tar.gz")], "UTC") == datetime(2025, 6, 10, 3, tzinfo=UTC)
    assert made_at([stored("data-20250610.tar.gz", day=12)], "UTC") == datetime(2025, 6, 10, tzinfo=UTC)
    assert made_at([stored("files/x")], "UTC") == datetime(2025, 6, 10, 3, tzinfo=UTC)
