"""A run restores a real database to a moment between two commits; `tests/backups/moments` does the rest."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from tests.backups.physical.shop import mariadb, next_second, one
from tests.servers.aws import Aws
from tests.servers.moments import (
    BINLOG,
    BUCKET,
    clients,
    clients_of_mysql,
    come_to_it,
    databases,
    ids,
    logging_mariadb,
    recoveries,
    rows,
    run_of,
    source_of_a_shop,
)

from upkeep.backups.model import Level
from upkeep.findings import State
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration


def test_a_postgresql_of_ours(ledger: Engine) -> None:
    with source_of_a_shop() as source, recoveries() as folder:
        of = clients(source.stanza, folder)
        run_of(ledger, of, "backup").until("expire")
        source.sql("INSERT INTO t VALUES (1)")
        source.now("one")
        source.sql("INSERT INTO t VALUES (2)")
        source.archived()

        run = run_of(ledger, of, "restore_moment", moment=source.moments["one"].isoformat())
        come_to_it(run)
        assert ids(folder / f"moment-{run.act.label}") == [1]
        verified = run.until("verify")

        assert [one.state for one in verified.findings] == [State.OK], verified.said
        assert run.until("measure").findings[0].state is State.OK
        assert run.until("clean_up").said.endswith("was stopped and removed")
        assert list(folder.iterdir()) == []
        [known] = known_backups(ledger, "shop", "wal")
        assert known.proven is Level.INVARIANTS


def test_a_mariadb_with_its_binary_log(ledger: Engine, cloud: Aws) -> None:
    cloud.bucket(BUCKET)
    with logging_mariadb() as real, mariadb() as drill:
        one(real, "CREATE TABLE t (id INT PRIMARY KEY)")
        one(real, "INSERT INTO t VALUES (1)")
        of = clients_of_mysql(real, drill, cloud["s3"])
        run_of(ledger, of, "backup", parts=BINLOG, policy="dumps").until("expire")
        next_second()
        one(real, "INSERT INTO t VALUES (2)")
        moment = next_second()
        one(real, "DELETE FROM t")
        run_of(ledger, of, "backup", parts=BINLOG, policy="binlog").until("expire")

        run = run_of(ledger, of, "restore_moment", parts=BINLOG, policy="binlog", moment=moment.isoformat())
        come_to_it(run)
        assert rows(drill) == [1, 2]
        verified = run.until("verify")

        assert [one.state for one in verified.findings] == [State.OK], verified.said
        assert run.until("measure").findings[0].state is State.OK
        run.until("clean_up")
        assert databases(drill) == {"information_schema", "mysql", "performance_schema", "sys"}
        [known] = known_backups(ledger, "shop", "dumps")
        assert known.proven is Level.INVARIANTS
