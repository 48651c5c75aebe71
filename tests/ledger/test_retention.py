"""Which months of measurements go, and which never do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from upkeep.ledger import partitions
from upkeep.ledger.months import Month, expired

months = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))
nows = st.datetimes(datetime(2010, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(existing=st.sets(months, max_size=40), now=nows, keep=st.integers(1, 60))
def test_what_is_dropped_is_older_than_every_whole_month_kept(
    existing: set[Month], now: datetime, keep: int
) -> None:
    dropped = expired([month.partition for month in existing], now, keep)

    boundary = Month.of(now).plus(-keep)
    assert set(dropped) == {month.partition for month in existing if month < boundary}
    assert dropped == sorted(dropped)


@given(now=nows, keep=st.integers(1, 60), age=st.timedeltas(timedelta(0), timedelta(days=2000)))
def test_no_measurement_younger_than_the_retention_is_ever_dropped(
    now: datetime, keep: int, age: timedelta
) -> None:
    month = Month.of(now - age)

    if expired([month.partition], now, keep):
        assert age > timedelta(days=28 * keep)


@given(month=months, by=st.integers(-500, 500))
def test_months_count_forwards_and_back(month: Month, by: int) -> None:
    assert month.plus(by).plus(-by) == month
    assert Month.from_partition(month.partition) == month
    assert Month.of(month.plus(1).start - timedelta(microseconds=1)) == month


def test_keeping_nothing_is_refused_and_strange_names_are_left_alone() -> None:
    with pytest.raises(ValueError, match="at least 1 month is kept"):
        expired(["measurements_2020_01"], datetime(2026, 1, 1, tzinfo=UTC), 0)
    assert expired(["measurements_backup", "pg_x"], datetime(2026, 1, 1, tzinfo=UTC), 1) == []


def test_dropping_takes_whole_months_and_a_query_reads_its_own_month_alone(ledger: Engine) -> None:
    now = datetime(2026, 3, 15, tzinfo=UTC)
    with ledger.begin() as connection:
        partitions.ensure(connection, [now - timedelta(days=30 * n) for n in range(6)])
    with ledger.connect() as connection:
        plan = connection.scalars(
            text("EXPLAIN SELECT * FROM measurements WHERE at >= '2026-02-02+00' AND at < '2026-02-03+00'")
        ).all()
    assert "measurements_2026_02" in " ".join(plan)
    assert "measurements_2026_01" not in " ".join(plan)

    assert partitions.expired_partitions(ledger, now, keep_months=2) == partitions.drop_before(
        ledger, now, keep_months=2
    )
    assert partitions.expired_partitions(ledger, now, keep_months=2) == []
    assert partitions.expired_partitions(ledger, now, keep_months=1) == ["measurements_2026_01"]
