"""The judgement of the log archive's index, whatever the time of day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from servers.situation import make_context, make_system
from upkeep.checks.kinds.log_archive import ArchiveReview, LogArchiveParameters
from upkeep.errors import BadAnswer, TemporaryError
from upkeep.findings import Finding, State

MIDNIGHT = datetime(2025, 6, 10, tzinfo=UTC)
MIB = 2**20


def entry(size: int = 100 * MIB, files: int = 5, finished: str | None = "2025-06-10T00:03:00Z") -> str:
    return json.dumps({"files": files, "bytes": size, "finished_at": finished, "path": "/archive"})


EARLIER = {f"2025-06-0{day}": entry() for day in range(1, 9)}


def judge(data: dict[str, str], minutes: float = 600, now: float | None = None, zone: str = "UTC") -> Finding:
    as_of = MIDNIGHT + timedelta(minutes=minutes)
    clock = MIDNIGHT + timedelta(minutes=minutes if now is None else now)
    context = make_context(make_system(timezone=zone, workload={"namespace": "shop"}), as_of=as_of)
    (found,) = ArchiveReview(context, LogArchiveParameters(), "index", lambda: clock).judge(data)
    return found


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (entry(), State.OK),
        (entry(finished=None), State.CRITICAL),
        (entry(size=0), State.CRITICAL),
        (entry(files=0), State.CRITICAL),
        (entry(size=10 * MIB), State.WARNING),
        (entry(finished="2025-06-08T00:03:00Z"), State.WARNING),
    ],
)
def test_the_day_that_ended(value: str, state: State) -> None:
    assert judge(EARLIER | {"2025-06-09": value}).state is state


def test_the_size_is_the_value() -> None:
    assert judge(EARLIER | {"2025-06-09": entry()}).value == 100 * MIB


def test_a_missing_day_is_critical_once_its_grace_is_over() -> None:
    found = judge(EARLIER, minutes=16)
    assert found.state is State.CRITICAL
    assert found.summary == "The log archive of 2025-06-09 is missing; the newest is of 2025-06-08"
    assert judge({}, minutes=16).summary.endswith("there is none at all")


def test_until_then_it_may_still_come() -> None:
    with pytest.raises(TemporaryError, match="no archive of 2025-06-09 yet"):
        judge(EARLIER, minutes=0, now=14)
    # The run speaks of midnight, but it is later: a repeated attempt must not wait for ever.
    assert judge(EARLIER, minutes=0, now=16).state is State.CRITICAL


def test_the_day_ends_in_the_systems_time_zone() -> None:
    data = EARLIER | {"2025-06-09": entry()}
    assert judge(data, minutes=-60, zone="Europe/Berlin").state is State.OK


@pytest.mark.parametrize("value", ["", "7", "[]", "null", '{"files": 1}', '{"files": {}, "bytes": "x"}'])
def test_an_entry_that_cannot_be_read(value: str) -> None:
    with pytest.raises(BadAnswer, match="2025-06-09"):
        judge(EARLIER | {"2025-06-09": value})
