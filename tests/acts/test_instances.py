"""RDS instances that were restored, and what their data says: asked, where somebody can ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.rds.models import DBInstance
from sqlalchemy import Engine, text
from tests.acts.runs import Stages
from tests.servers.aws import REGION, Aws, aws_client
from tests.servers.aws_front import front
from tests.servers.ledger import Server
from tests.servers.situation import ClientsOf

from sandbox.parts.postgres_cluster import SUPERUSER
from upkeep.acts.model import Act
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Level
from upkeep.errors import TemporaryError
from upkeep.findings import State
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

_NUMBERS = count()
NOW = datetime.now(UTC)
QUESTIONS = {
    "assertions": [{"title": "Orders are there", "sql": "SELECT count(*) > 0 FROM orders", "expect": "true"}],
    "newest": "SELECT max(at) FROM orders",
}
POLICY = {
    "title": "Database",
    "what": "RDS",
    "method": "rds_snapshot",
    "encryption": "aws:kms",
    "rpo_minutes": 60,
    "proof": QUESTIONS,
}


@dataclass
class Estate:
    """An instance, the snapshots of it, and a server that stands for what is restored."""

    act: Callable[..., Act]
    rds: Any
    name: str
    data: Engine
    login: DatabaseServer

    def run(self, kind: str, run: str, *, policy: dict[str, Any] | None = None, login: bool = True) -> Stages:
        """Begin a run of a kind."""
        location = {"kind": "rds_snapshot", "connection": "shop_aws", "instance": self.name}
        parts: dict[str, Any] = {"backups": {"database": POLICY | {"location": location} | (policy or {})}}
        if login:
            parts["connections"] = {"restore": "shop_restore"}
        clients = ClientsOf(aws={"rds": self.rds}, database={"restore": self.login})
        given: dict[str, Any] = {"policy": "database"}
        if kind != "backup":
            given["target"] = f"{self.name}-restored-{run}"
        form = {"keep": True, "moment": datetime.now(UTC).isoformat()}
        of = self.act(
            parts=parts, clients=clients, label=run, run=(f"shop_{kind}", run), form=form, task_id="database",
            began_at=NOW, now=NOW,
        )  # fmt: skip
        return Stages(of, kind, given)

    def orders(self, at: datetime) -> None:
        """Let the newest order be of a time."""
        with self.data.begin() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS orders (at timestamptz)"))
            connection.execute(text("TRUNCATE orders"))
            connection.execute(text("INSERT INTO orders VALUES (:at)"), {"at": at})

    def proven(self) -> list[Any]:
        return known_backups(self.act().engine, "shop", "database")


@pytest.fixture
def estate(
    act: Callable[..., Act],
    cloud: Aws,
    postgres_server: Server,
    empty_database: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Estate]:
    name = f"restored-shop-{next(_NUMBERS)}"  # moto keeps what other tests of the process have made
    cloud.instance(name)
    monkeypatch.setattr(DBInstance, "address", "127.0.0.1")
    stored = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].databases[name]
    stored.port = postgres_server.port
    login = DatabaseServer(
        "postgres",
        "nowhere.invalid",
        1,
        SUPERUSER,
        postgres_server.password,
        str(empty_database.url.database),
    )
    with front(cloud.url) as (url, _):
        found = Estate(act, aws_client("rds", url), name, empty_database, login)
        found.run("backup", name).until("prove")
        yield found


def verified(run: Stages) -> dict[str, State]:
    return {one.check.partition("{")[0]: one.state for one in run.until("verify").findings}


def test_the_data_of_a_restored_instance_is_asked(estate: Estate) -> None:
    estate.orders(NOW - timedelta(minutes=5))
    run = estate.run("restore_snapshot", "good")
    assert not any("not examined" in note for note in run.do("plan").carried["notes"])
    assert verified(run) == {"recovery_verified": State.OK}
    assert [one.proven for one in estate.proven()] == [Level.INVARIANTS]


def test_what_its_data_says_wrong_is_named_and_the_backup_is_no_longer_proven(estate: Estate) -> None:
    """Rows older than may be lost: the snapshot is whole, and not what was wanted."""
    estate.orders(NOW - timedelta(minutes=90))
    run = estate.run("restore_snapshot", "old")
    assert verified(run) == {"recovery_verified": State.CRITICAL}
    [backup] = estate.proven()
    assert backup.proven is None
    assert "minutes before the backup; at most 60 may be lost" in backup.broken[0]


def test_a_restored_moment_is_asked_too(estate: Estate) -> None:
    estate.orders(NOW - timedelta(minutes=5))
    stored = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].databases[estate.name]
    stored.backup_retention_period = 7
    assert verified(estate.run("restore_moment", "moment")) == {"recovery_verified": State.OK}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"policy": {"proof": {}}}, "the backup's policy has no proof.assertions"),
        ({"login": False}, "no connection 'restore' is named to log in"),
    ],
)
def test_what_nobody_asked_is_unknown(estate: Estate, given: dict[str, Any], said: str) -> None:
    run = estate.run("restore_snapshot", "unseen", **given)
    assert any(said in note for note in run.do("plan").carried["notes"])
    assert verified(run) == {"recovery_verified": State.OK, "recovery_data": State.UNKNOWN}
    [finding] = [one for one in run.do("verify").findings if one.state is State.UNKNOWN]
    assert said in str(finding.reason)
    assert [one.proven for one in estate.proven()] == [Level.RESTORED]


def test_what_nobody_asked_stays_unknown_when_it_is_gone(estate: Estate) -> None:
    """`verify` cleared after the instance was removed: what it records replaces what was recorded."""
    run = estate.run("drill_snapshot", "gone", login=False)
    run.until("clean_up")
    again = {one.check.partition("{")[0]: one.state for one in run.do("verify").findings}
    assert again == {"recovery_verified": State.OK, "recovery_data": State.UNKNOWN}


def test_an_instance_that_does_not_answer_is_asked_again(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.orders(NOW)
    run = estate.run("restore_snapshot", "deaf")
    run.until("ready")
    stored = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].databases[f"{estate.name}-restored-deaf"]
    monkeypatch.setattr(stored, "port", 1)
    with pytest.raises(TemporaryError):
        run.do("verify")
    assert [one.proven for one in estate.proven()] == [Level.COMPLETE]
