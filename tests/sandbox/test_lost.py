"""A sandbox that ends takes its backups with it; the ledger, which stays, must not miss them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.servers.ledger import ledger, postgres_server

from sandbox.demo.lost import forget_what_ended
from sandbox.estate import Endpoint, Estate, PartState
from upkeep.backups.model import Copy
from upkeep.ledger.backups import backup_id, known_backup, known_backups, record_backup

__all__ = ["ledger", "postgres_server"]

pytestmark = pytest.mark.integration

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
IN_S3 = ("zetra", "files")
ELSEWHERE = ("lessay", "payment_replication")


def estate(state: PartState = PartState.UP) -> Estate:
    aws = Endpoint(name="aws", state=state, started=BEGAN.timestamp())
    return Estate(folder=Path("unused"), state=PartState.UP, parts={"aws": aws})


def record(engine: Engine, of: tuple[str, str], name: str, ended_at: datetime) -> None:
    started = ended_at - timedelta(minutes=5)
    copy = Copy(name=name, reference=f"s3://b/{name}", started_at=started, ended_at=ended_at, bytes=1)
    record_backup(engine, *of, copy, ("dag", "run"))


def names(engine: Engine, of: tuple[str, str]) -> list[str]:
    return [one.copy.name for one in known_backups(engine, *of)]


def test_only_what_an_ended_sandbox_held_is_forgotten(ledger: Engine) -> None:
    record(ledger, IN_S3, "before", BEGAN - timedelta(days=1))
    record(ledger, IN_S3, "since", BEGAN + timedelta(minutes=5))
    record(ledger, ELSEWHERE, "before", BEGAN - timedelta(days=1))
    forget_what_ended(ledger, estate())
    assert (names(ledger, IN_S3), names(ledger, ELSEWHERE)) == (["since"], ["before"])
    gone = known_backup(ledger, backup_id(*IN_S3, "before"))
    assert gone is not None
    assert gone.deleted


def test_nothing_is_forgotten_where_it_cannot_be_told(ledger: Engine) -> None:
    record(ledger, IN_S3, "before", BEGAN - timedelta(days=1))
    forget_what_ended(ledger, estate(PartState.FAILED))
    assert names(ledger, IN_S3) == ["before"]
