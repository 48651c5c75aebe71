"""The questions about a backup policy, asked of generated sets of backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.catalog.models.backups import BackupPolicy
from upkeep.checks.backups import Backup, PolicyReview
from upkeep.findings import Finding, State

AS_OF = datetime(2026, 11, 21, 10, tzinfo=UTC)
DUE = datetime(2026, 11, 21, 3, tzinfo=UTC)
SIZE = 2.0**32


def policy(**changes: Any) -> BackupPolicy:
    facts: dict[str, Any] = {
        "title": "Database snapshots",
        "what": "the database",
        "method": "rds_snapshot",
        "schedule": "0 3 * * *",
        "location": {"kind": "rds_snapshot", "connection": "aws", "instance": "db"},
        "encryption": "aws:kms",
        "grace_minutes": 240,
        "smallest_bytes": 1024,
    }
    return BackupPolicy.model_validate(facts | changes)


def backup(days_ago: float = 0, **changes: Any) -> Backup:
    made = DUE + timedelta(minutes=10) - timedelta(days=days_ago)
    facts: dict[str, Any] = {
        "id": f"snap-{days_ago}",
        "made_at": made,
        "size_bytes": SIZE,
        "encryption": "aws:kms",
    }
    return Backup(**facts | changes)


def review(*backups: Backup, as_of: datetime = AS_OF, **changes: Any) -> dict[str, Finding]:
    newest_first = sorted(backups, key=lambda b: b.made_at, reverse=True)
    found = PolicyReview("db", policy(**changes), "UTC", as_of, "rds: db", newest_first).findings()
    return {finding.check.split("{")[0].removeprefix("backup_"): finding for finding in found}


WEEK = [backup(n) for n in range(1, 8)]


def states(findings: dict[str, Finding]) -> dict[str, State]:
    return {name: finding.state for name, finding in findings.items() if finding.state is not State.OK}


def test_a_week_of_good_backups_is_ok() -> None:
    assert states(review(backup(), *WEEK)) == {}


@pytest.mark.parametrize(
    ("newest", "changed"),
    [
        ([], {"age": State.CRITICAL}),
        ([backup(encryption="none")], {"encryption": State.CRITICAL}),
        ([backup(encryption="AES256")], {"encryption": State.CRITICAL}),
        ([backup(encryption=None)], {"encryption": State.UNKNOWN}),
        ([backup(problems=["status is failed"])], {"complete": State.CRITICAL}),
        ([backup(size_bytes=1023)], {"size": State.CRITICAL}),
        ([backup(size_bytes=SIZE / 2 - 1)], {"size": State.WARNING}),
        ([backup(size_bytes=SIZE / 2)], {}),
        ([backup(size_bytes=None)], {"size": State.UNKNOWN}),
        ([backup(made_at=DUE + timedelta(hours=5))], {"age": State.WARNING}),
    ],
)
def test_one_fault_changes_one_finding(newest: list[Backup], changed: dict[str, State]) -> None:
    assert states(review(*newest, *WEEK)) == changed


def test_no_backup_at_all_is_critical_and_leaves_the_rest_unknown() -> None:
    found = review()
    assert states(found) == {
        "age": State.CRITICAL,
        "complete": State.UNKNOWN,
        "encryption": State.UNKNOWN,
        "size": State.UNKNOWN,
    }


def test_an_unfinished_backup_has_its_grace() -> None:
    running = backup(problems=["status is creating"])
    early = running.made_at + timedelta(minutes=30)
    assert states(review(running, *WEEK, as_of=early)) == {}
    assert states(review(running, *WEEK, as_of=AS_OF)) == {"complete": State.CRITICAL}


def test_a_second_try_that_succeeded_is_what_counts() -> None:
    failed = backup(problems=["status is failed"])
    again = backup(made_at=DUE + timedelta(minutes=50))
    assert states(review(again, failed, *WEEK)) == {}


@given(minutes=st.integers(1, 1439))
def test_before_its_grace_is_over_todays_backup_is_not_missed(minutes: int) -> None:
    at = DUE + timedelta(minutes=minutes)
    missed = review(*WEEK, as_of=at)["age"].state
    assert missed is (State.OK if minutes < 240 else State.CRITICAL)


@pytest.mark.parametrize("hours", [1, 24])
@given(rpo=st.integers(10, 3000))
def test_the_objective_is_met_only_by_backups_that_often(hours: int, rpo: int) -> None:
    cron = "0 3 * * *" if hours == 24 else "0 * * * *"
    gap = 1440 if hours == 24 else 60
    found = review(backup(), *WEEK, schedule=cron, rpo_minutes=rpo)["rpo"]
    assert found.state is (State.OK if gap <= rpo else State.WARNING)
    assert found.value == gap * 60


@given(sizes=st.lists(st.floats(1025, 1e12), min_size=3, max_size=20), newest=st.floats(1024, 1e12))
def test_the_size_is_judged_by_the_median_of_the_earlier(sizes: list[float], newest: float) -> None:
    earlier = [backup(n + 1, size_bytes=size) for n, size in enumerate(sizes)]
    found = review(backup(size_bytes=newest), *earlier)["size"]
    assert found.limit_value is not None
    assert (found.state is State.WARNING) == (newest < found.limit_value)
    assert found.value == newest


def test_evidence_names_the_backup_and_the_usual_sizes() -> None:
    found = review(backup(size_bytes=SIZE / 8), *WEEK)["size"]
    assert found.evidence["newest"] == "snap-0"
    assert found.evidence["earlier_sizes"] == ["4 GiB"] * 7
    assert found.summary == ("Database snapshots: snap-0 has 512 MiB, usual are 4 GiB: suspiciously small")


def test_no_encryption_promised_asks_for_none() -> None:
    assert states(review(backup(encryption="none"), *WEEK, encryption="none")) == {}
