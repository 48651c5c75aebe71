"""Backups and their proofs in the ledger: what is written twice is there once, and the newest word counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from upkeep.backups.model import Copy, Level, Proof
from upkeep.ledger.backups import (
    Known,
    checksums_proven,
    known_backup,
    known_backups,
    last_proven,
    record_backup,
    record_deleted,
    record_expiring,
    record_proofs,
)

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
COPY = Copy(
    name="nightly",
    reference="s3://b/nightly",
    started_at=NOON,
    ended_at=NOON + timedelta(minutes=5),
    bytes=2**40,
    sha256="ab" * 32,
    encryption="age",
    facts={"rows": {"public.orders": 40}},
)
BACKUP, DRILL = ("shop_backup", "1"), ("shop_drill", "1")


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def proof(level: Level, minutes: float, *problems: str) -> Proof:
    return Proof(level, after(minutes), list(problems), {"seen": minutes})


@pytest.fixture
def made(ledger: Engine) -> UUID:
    return record_backup(ledger, "shop", "database", COPY, BACKUP)


def known(ledger: Engine) -> Known:
    [one] = known_backups(ledger, "shop", "database")
    return one


def test_recorded_twice_it_is_one_and_as_it_was_last_seen(ledger: Engine, made: UUID) -> None:
    again = replace(COPY, bytes=7)
    assert record_backup(ledger, "shop", "database", again, BACKUP) == made
    assert known(ledger).copy == again
    assert known(ledger).proven is None


def test_the_name_is_of_one_policy_of_one_system(ledger: Engine, made: UUID) -> None:
    others = [
        record_backup(ledger, *where, COPY, BACKUP) for where in (("shop", "files"), ("tapio", "database"))
    ]
    assert len({made, *others}) == 3
    assert known(ledger).id == made


def test_what_the_same_run_proves_again_replaces_its_own(ledger: Engine, made: UUID) -> None:
    record_proofs(ledger, made, [proof(Level.EXISTS, 1), proof(Level.CHECKSUMS, 2, "flipped")], BACKUP)
    record_proofs(ledger, made, [proof(Level.EXISTS, 3), proof(Level.CHECKSUMS, 4)], BACKUP)
    assert known(ledger).proven is Level.CHECKSUMS
    assert known(ledger).levels == {Level.EXISTS: after(3), Level.CHECKSUMS: after(4)}


def test_what_was_proven_and_then_found_broken_is_not_proven(ledger: Engine, made: UUID) -> None:
    record_proofs(ledger, made, [proof(Level.CHECKSUMS, 1)], BACKUP)
    record_proofs(ledger, made, [proof(Level.EXISTS, 2), proof(Level.COMPLETE, 2, "a part is gone")], DRILL)
    assert (known(ledger).proven, known(ledger).broken) == (None, ["a part is gone"])


def test_what_was_broken_and_is_proven_since_is_proven(ledger: Engine, made: UUID) -> None:
    record_proofs(ledger, made, [proof(Level.COMPLETE, 1, "a part is gone")], BACKUP)
    record_proofs(ledger, made, [proof(Level.COMPLETE, 2), proof(Level.CHECKSUMS, 2)], DRILL)
    assert (known(ledger).proven, known(ledger).broken) == (Level.CHECKSUMS, [])


def test_one_examination_is_judged_whole(ledger: Engine, made: UUID) -> None:
    """Each level has a time of its own: a later one that holds does not mend an earlier one that does not."""
    found = [proof(Level.EXISTS, 1), proof(Level.COMPLETE, 2, "not encrypted"), proof(Level.CHECKSUMS, 3)]
    record_proofs(ledger, made, found, BACKUP)
    assert (known(ledger).proven, known(ledger).broken) == (None, ["not encrypted"])


def test_last_proven_is_by_what_was_known_then(ledger: Engine, made: UUID) -> None:
    record_proofs(ledger, made, [proof(Level.CHECKSUMS, 1)], BACKUP)
    record_proofs(
        ledger, made, [proof(Level.RESTORED, 30), proof(Level.INVARIANTS, 30, "rows differ")], DRILL
    )
    record_proofs(ledger, made, [proof(Level.INVARIANTS, 60)], ("shop_drill", "2"))
    record_deleted(ledger, "shop", "database", {"nightly": "expired"}, after(90))

    def by(minutes: float, level: Level) -> datetime | None:
        return last_proven(ledger, "shop", "database", level, after(minutes))

    assert known_backups(ledger, "shop", "database") == []
    assert by(0.5, Level.EXISTS) is None
    assert by(29, Level.CHECKSUMS) == after(1)
    assert by(29, Level.RESTORED) is None
    assert by(59, Level.RESTORED) is None, "it was restored, and did not say what it must"
    assert by(60, Level.RESTORED) == after(60)
    assert by(59, Level.INVARIANTS) is None
    assert by(600, Level.CHECKSUMS) == after(60)
    assert last_proven(ledger, "shop", "files", Level.EXISTS, after(600)) is None


def test_bytes_that_a_copy_of_the_policy_has_proven_are_known_to_all(ledger: Engine, made: UUID) -> None:
    other = record_backup(ledger, "shop", "database", replace(COPY, name="other"), BACKUP)
    foreign = record_backup(ledger, "shop", "files", COPY, BACKUP)
    record_proofs(ledger, made, [proof(Level.COMPLETE, 1), proof(Level.CHECKSUMS, 2)], BACKUP)
    record_proofs(ledger, other, [proof(Level.CHECKSUMS, 3)], BACKUP)
    record_proofs(ledger, other, [proof(Level.CHECKSUMS, 4, "flipped")], DRILL)
    record_proofs(ledger, foreign, [proof(Level.CHECKSUMS, 5)], BACKUP)

    def since(minutes: float) -> list[Proof]:
        return checksums_proven(ledger, "shop", "database", after(minutes))

    assert since(0) == [proof(Level.CHECKSUMS, 2), proof(Level.CHECKSUMS, 3)]
    assert since(2.5) == [proof(Level.CHECKSUMS, 3)]


def test_what_is_about_to_be_deleted_is_known_to_be(ledger: Engine, made: UUID) -> None:
    assert known(ledger).expiring is None
    record_expiring(ledger, "shop", "database", {"nightly": "no period needs it"})
    assert (known(ledger).expiring, known(ledger).deleted) == ("no period needs it", False)
    record_expiring(ledger, "shop", "database", {"nightly": None})
    assert known(ledger).expiring is None
    record_deleted(ledger, "shop", "database", {"nightly": "expired"}, after(1))
    one = known_backup(ledger, made)
    assert one is not None
    assert (one.deleted, one.expiring, one.copy) == (True, None, COPY)


def test_a_deletion_keeps_its_first_time_and_reason(ledger: Engine, made: UUID) -> None:
    record_deleted(ledger, "shop", "database", {"nightly": "expired", "unknown": "expired"}, after(1))
    record_deleted(ledger, "shop", "database", {"nightly": "again"}, after(2))
    with ledger.connect() as connection:
        rows = connection.exec_driver_sql("SELECT deleted_at, deleted_why FROM backups").all()
    assert [tuple(row) for row in rows] == [(after(1), "expired")]
