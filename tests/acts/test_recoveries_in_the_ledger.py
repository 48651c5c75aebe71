"""Recoveries in the ledger: when they began, what they took, and what the earlier ones took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from upkeep.ledger.recoveries import (
    Past,
    RecoveryKey,
    begin_recovery,
    mark_recovery,
    past_recoveries,
    recovery,
)

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SUBJECT = "the database"


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def key(number: int) -> RecoveryKey:
    return RecoveryKey("shop_restore", str(number), "database")


def begin(ledger: Engine, number: int, minutes: float, **values: Any) -> None:
    given = {
        "system": "shop",
        "subject": SUBJECT,
        "drill": False,
        "backup_id": None,
        "target": "beside",
        "plan": {"digest": "a"},
        "lost_at": None,
        "data_as_of": None,
    }
    begin_recovery(ledger, key(number), given | values, after(minutes))


def past(ledger: Engine, before: float, number: int = 99, **more: Any) -> list[Past]:
    return past_recoveries(ledger, "shop", SUBJECT, but=key(number), before=after(before), **more)


def test_one_that_begins_again_began_when_it_first_did(ledger: Engine) -> None:
    begin(ledger, 1, 0, lost_at=after(-10))
    begin(ledger, 1, 30, lost_at=after(5), target="elsewhere", plan={"digest": "b"}, data_as_of=after(-60))
    row = recovery(ledger, key(1))
    assert row is not None
    assert (row.began_at, row.lost_at) == (after(0), after(-10))
    assert (row.target, row.plan, row.data_as_of) == ("elsewhere", {"digest": "b"}, after(-60))
    assert recovery(ledger, key(2)) is None


def test_the_trend_is_of_verified_ones_newest_first(ledger: Engine) -> None:
    begin(ledger, 1, 0, data_as_of=after(-60))
    mark_recovery(ledger, key(1), verified_at=after(20))
    begin(ledger, 2, 100, drill=True, lost_at=after(95), data_as_of=after(96))
    mark_recovery(ledger, key(2), verified_at=after(130))
    begin(ledger, 3, 200)
    begin(ledger, 4, 200, subject="another")
    mark_recovery(ledger, key(4), verified_at=after(201))

    found = past(ledger, 300)
    minutes = [
        (one.rto.total_seconds() / 60, one.rpo.total_seconds() / 60) for one in found if one.rpo is not None
    ]
    assert minutes == [(35, 0), (20, 60)]
    assert [one.drill for one in found] == [True, False]
    assert past(ledger, 300, most=1) == found[:1]
    assert past(ledger, 100) == found[1:]


def test_a_run_is_not_among_those_before_it(ledger: Engine) -> None:
    """Cleared, it begins after its own first attempt was verified."""
    begin(ledger, 1, 0)
    mark_recovery(ledger, key(1), verified_at=after(20))
    assert past(ledger, 300, number=1) == []
    assert len(past(ledger, 300, number=2)) == 1
