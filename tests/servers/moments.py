"""A shop whose PostgreSQL is ours, and a run that brings it to a moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tests.acts.runs import Stages
from tests.backups.physical.conftest import Source, running_source, short_folder, until
from tests.backups.physical.shop import mariadb
from tests.servers.situation import ClientsOf, make_system

from upkeep.acts.model import Act
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.physical.place import PgBackRestPlace
from upkeep.backups.physical.stanza import Stanza

WAL: dict[str, Any] = {
    "recovery_targets": {"rto_minutes": 60, "rpo_minutes": 60},
    "resources": {"databases": {"main": {"engine": "postgres"}}},
    "backups": {
        "wal": {
            "title": "WAL",
            "what": "base backups and WAL",
            "method": "base_backup",
            "location": {"kind": "pgbackrest", "connection": "shop_pgbackrest", "stanza": "main"},
            "source": {"kind": "database"},
            "encryption": "aes-256-cbc",
            "keep": {"daily_days": 7},
            "proof": {
                "assertions": [{"title": "none is negative", "sql": "SELECT count(*) FROM t WHERE id < 0",
                                "expect": "0"}],
                "newest": "SELECT max(at) FROM t",
            },
        }
    },
}  # fmt: skip


@contextmanager
def source_of_a_shop() -> Iterator[Source]:
    """Run a server with the table `t`, empty and without a backup yet."""
    with running_source() as source:
        source.sql("CREATE TABLE t (id int, at timestamptz DEFAULT clock_timestamp())")
        yield source


@contextmanager
def recoveries() -> Iterator[Path]:
    """Yield a folder for recovered servers; what a failed test leaves running there is stopped."""
    with short_folder() as folder:
        try:
            yield folder
        finally:
            for number in folder.glob("*/data/postmaster.pid"):
                os.kill(int(number.read_text().splitlines()[0]), signal.SIGINT)


def clients(stanza: Stanza, folder: Path) -> ClientsOf:
    """Return the shop's clients; what is recovered goes below the folder."""
    real = DatabaseServer("postgres", "127.0.0.1", 1, "postgres", "", "postgres")
    return ClientsOf(pgbackrest={stanza.name: PgBackRestPlace(stanza, folder)}, database={"postgres": real})


def run_of(
    engine: Engine,
    of: ClientsOf,
    kind: str,
    *,
    label: str = "20261121t140500z-1a2b3c4d",
    policy: str = "wal",
    parts: dict[str, Any] | None = None,
    **form: Any,
) -> Stages:
    """Begin a run now."""
    now = datetime.now(UTC)
    act = Act(
        system_id="shop", system=make_system(**(parts or WAL)), clients=of, engine=engine, task_id="moment",
        label=label, began_at=now, now=now, dry_run=False, form={"keep": False, **form}, carried={},
        run=("shop_moment", label), attempt=0,
    )  # fmt: skip
    return Stages(act, kind, {"policy": policy})


def ids(restored: Path) -> list[int]:
    """Return the rows of `t` in a recovered server."""
    server = DatabaseServer("postgres", str(restored / "run"), 5432, "postgres", "", "postgres", tls="off")
    with server.session() as session:
        return [int(row[0]) for row in session.run("SELECT id FROM t")]


def come_to_it(run: Stages) -> None:
    """Do the stages up to the one that waits, until it is there."""
    run.until("restore")
    until(lambda: run.do("ready").ready, "what was restored is there")


BUCKET = "shop-binlogs"
S3 = {"kind": "s3_objects", "connection": "shop_aws", "bucket": BUCKET}
BINLOG: dict[str, Any] = {
    "recovery_targets": {"rto_minutes": 60, "rpo_minutes": 60},
    "resources": {"databases": {"main": {"engine": "mysql"}}},
    "backups": {
        "dumps": {
            "title": "Dumps",
            "what": "the shop",
            "method": "dump",
            "location": {**S3, "prefix": "dumps/"},
            "source": {"kind": "database"},
            "encryption": "AES256",
            "keep": {"daily_days": 2},
            "proof": {
                "assertions": [{"title": "none is negative", "sql": "SELECT COUNT(*) FROM t WHERE id < 0",
                                "expect": "0"}],
            },
        },
        "binlog": {
            "title": "Binary log",
            "what": "what changes",
            "method": "binlog",
            "location": {**S3, "prefix": "binlog/"},
            "source": {"kind": "binlog", "dumps": "dumps"},
            "encryption": "AES256",
            "keep": {"daily_days": 2},
        },
    },
}  # fmt: skip


def clients_of_mysql(real: DatabaseServer, drill: DatabaseServer, s3: Any) -> ClientsOf:
    """Return the clients of a shop with a MariaDB, and of the empty server for recoveries."""
    return ClientsOf(aws={"s3": s3}, database={"mysql": real, "restore": drill})


@contextmanager
def logging_mariadb() -> Iterator[DatabaseServer]:
    """Run a MariaDB with a binary log of rows, and an empty database `shop`."""
    with mariadb("--log-bin=mysql-bin", "--server-id=1", "--binlog-format=ROW") as server:
        yield server


def rows(server: DatabaseServer) -> list[int]:
    """Return the rows of `t` in the shop."""
    with server.session() as session:
        return [int(row[0]) for row in session.run("SELECT id FROM shop.t ORDER BY id")]


def databases(server: DatabaseServer) -> set[str]:
    """Return the databases of a server."""
    with server.at("").session() as session:
        return {str(row[0]) for row in session.run("SHOW DATABASES")}
