"""A MariaDB with a binary log, and a shop in it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.backups.physical.conftest import needed, short_folder

from sandbox import process, programs
from sandbox.paths import private_folder, service_account
from sandbox.ports import free_port
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.physical.binlogs import Position
from upkeep.errors import UpkeepError

PASSWORD = "correct-horse"


@contextmanager
def mariadb(*settings: str, data: Path | None = None) -> Iterator[DatabaseServer]:
    """Run an empty MariaDB. data: an empty folder for what it stores, by default one in memory."""
    needed("mariadbd", "mariadb-install-db", "mariadb-binlog", "mariadb")
    with short_folder() as folder:
        data, port, account = private_folder(data or folder / "data"), free_port(), service_account()
        subprocess.run(
            [programs.find("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-test-db",
             "--auth-root-authentication-method=normal", "--innodb-log-file-size=8M"],
            check=True, capture_output=True, cwd="/", **process.run_as(account),
        )  # fmt: skip
        initial = data / "initial.sql"
        initial.write_text(
            f"SET sql_log_bin = 0;\nCREATE USER upkeep@'%' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO upkeep@'%';\nCREATE DATABASE IF NOT EXISTS shop;\n"
        )
        child = process.start(
            folder, "mariadb",
            [programs.find("mariadbd"), "--no-defaults", f"--datadir={data}", "--socket=socket",
             f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={initial}", "--skip-name-resolve",
             "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", *settings],
            account=account,
        )  # fmt: skip
        server = DatabaseServer("mysql", "127.0.0.1", port, "upkeep", PASSWORD, "shop", tls="off")

        def accepts() -> bool:
            try:
                return bool(one(server, "SELECT 1"))
            except UpkeepError:
                return False

        process.wait_until(child, accepts)
        yield server


def one(server: DatabaseServer, query: str) -> object:
    with server.session() as session:
        return session.value(query)


def count(server: DatabaseServer) -> object:
    return one(server, "SELECT COUNT(*) FROM shop.t")


def next_second() -> datetime:
    """Wait for the beginning of a second, for events are stamped in whole ones, and return it."""
    second = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    while datetime.now(UTC) < second:
        time.sleep(0.01)
    return second


@dataclass(frozen=True)
class Shop:
    """A server with a history, its dump at `base`, and its archive."""

    server: DatabaseServer
    dump: str
    base: Position
    taken_at: datetime
    three: datetime
    """Then t had three rows; later five, then none."""
    archive: Path
