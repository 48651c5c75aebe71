"""Finding the newest backups among many objects, with few requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.catalog.models.backups import BackupPolicy
from upkeep.checks.backup_listing import READ_WHOLE, backups_of, objects_that_matter
from upkeep.checks.backup_names import StoredObject
from upkeep.errors import ConfigurationError

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def policy(schedule: str = "0 * * * *") -> BackupPolicy:
    return BackupPolicy.model_validate(
        {
            "title": "Dumps",
            "what": "the database",
            "method": "dump",
            "schedule": schedule,
            "location": {"kind": "s3_objects", "connection": "aws", "bucket": "b", "prefix": "db/"},
            "encryption": "aws:kms",
        }
    )


class Bucket:
    """A listing in the order of the keys that counts what it hands out."""

    def __init__(self, *keys: str, size: int = 100) -> None:
        self.objects = [StoredObject(key, size, AT) for key in sorted(keys)]
        self.read = 0

    def listing(self, prefix: str) -> Iterator[StoredObject]:
        for one in self.objects:
            if one.key.startswith(prefix):
                self.read += 1
                yield one


def hourly(form: str, hours: int) -> list[str]:
    return [(AT - timedelta(hours=n)).strftime(form) for n in range(hours)]


@pytest.mark.parametrize(
    "form", ["db/%Y/%m/%d/db-%H%M.dump", "db/db-%Y%m%dT%H%M%SZ.dump", "db/x_%Y-%m-%d_%H%M.sql"]
)
def test_of_two_years_of_hourly_backups_only_the_last_days_are_read(form: str) -> None:
    bucket = Bucket(*hourly(form, 2 * 365 * 24))
    found = objects_that_matter(bucket.listing, "db/", policy(), "UTC", AT)
    assert {AT.strftime(form), (AT - timedelta(hours=14)).strftime(form)} <= {one.key for one in found}
    assert bucket.read < READ_WHOLE + 200


def test_each_kind_of_name_is_looked_for() -> None:
    bucket = Bucket(
        *hourly("db/config-%Y%m%d-%H%M%S.yaml", 2500), *hourly("db/secrets-%Y%m%d-%H%M%S.yaml", 2600)
    )
    found = objects_that_matter(bucket.listing, "db/", policy(), "UTC", AT)
    newest, objects = backups_of(found, "UTC")[0]
    assert [one.key for one in objects] == [
        "db/config-20261121-100000.yaml",
        "db/secrets-20261121-100000.yaml",
    ]
    assert newest.made_at == AT


def test_many_objects_without_a_date_are_a_mistake_of_the_catalog() -> None:
    bucket = Bucket(*(f"db/{n:06}" for n in range(READ_WHOLE + 1)))
    with pytest.raises(ConfigurationError, match="narrower prefix"):
        objects_that_matter(bucket.listing, "db/", policy(), "UTC", AT)


def daily(day: int, *names: str, size: int = 100) -> list[StoredObject]:
    at = AT - timedelta(days=day)
    return [StoredObject(at.strftime(name), size, at) for name in names]


EARLIER = [
    one for day in range(1, 5) for one in daily(day, "db-%Y%m%d-0300.dump", "db-%Y%m%d-0300.dump.sha256")
]


def test_a_part_that_every_earlier_backup_has_is_missed() -> None:
    newest, _ = backups_of([*EARLIER, *daily(0, "db-%Y%m%d-0300.dump")], "UTC")[0]
    assert newest.problems == ["it lacks db-*.dump.sha256, which every earlier one has"]


def test_an_empty_object_is_no_backup() -> None:
    names = ("db-%Y%m%d-0300.dump", "db-%Y%m%d-0300.dump.sha256")
    newest, _ = backups_of([*EARLIER, *daily(0, *names, size=0)], "UTC")[0]
    assert newest.problems == ["db-20261121-0300.dump is empty"]
    proofs, _ = backups_of([*EARLIER, *daily(0, names[1])], "UTC")[0]
    assert "there is no data, only what should prove it" in proofs.problems


@given(days=st.sets(st.integers(0, 200), min_size=1, max_size=40), size=st.integers(1, 10**12))
def test_backups_come_newest_first_with_the_size_of_their_data(days: set[int], size: int) -> None:
    objects = [one for day in days for one in daily(day, "a-%Y%m%d-0300.tar", "a-%Y%m%d-0300.md5", size=size)]
    found = [backup for backup, _ in backups_of(objects, "UTC")]
    assert [one.made_at for one in found] == sorted((one.made_at for one in found), reverse=True)
    assert found[0].made_at.date() == (AT - timedelta(days=min(days))).date()
    assert {one.size_bytes for one in found} == {float(size)}
    assert not any(one.problems for one in found)
