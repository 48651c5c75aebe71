"""A real PostgreSQL that archives its WAL with pgBackRest, and what was backed up of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from sandbox import process, programs
from sandbox.errors import PartMissing
from sandbox.paths import private_folder, service_account
from sandbox.ports import free_port
from upkeep.backups.physical import PgBackRest, Stanza

PASS_PHRASE = "correct-horse"
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/var/tmp"
"""In memory where possible: pgBackRest and recovery wait for the disk a thousand times."""


def needed(*names: str) -> None:
    """Skip where a program is not installed."""
    try:
        for name in names:
            programs.find(name)
    except PartMissing as absent:
        pytest.skip(str(absent))


def until(ready: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def owned(path: Path) -> None:
    """Give a tree to the user that the servers run as."""
    if account := service_account():
        subprocess.run(["chown", "-R", f"{account.pw_uid}:{account.pw_gid}", path], check=True)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder that the servers' user reaches, with a path that leaves room for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="upkeep-pg-", dir=PLACE))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Source:
    """The server that is backed up. moments: times that tests recover to, by name."""

    folder: Path
    port: int
    stanza: Stanza
    moments: dict[str, datetime] = field(default_factory=dict)

    def sql(self, text: str) -> Any:
        opened = psycopg2.connect(
            host=str(self.folder / "run"), port=self.port, user="postgres", dbname="postgres"
        )
        opened.autocommit = True
        try:
            with opened.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            opened.close()

    def start(self) -> None:
        """Start the server and wait until it can be written to."""
        command = [self.stanza.programs / "postgres", "-D", self.folder / "data"]
        child = process.start(
            self.folder, "postgres", command, account=service_account(), stop_signal=signal.SIGINT
        )

        def accepts() -> bool:
            try:
                return not self.sql("SELECT pg_is_in_recovery()")
            except psycopg2.OperationalError:
                return False

        process.wait_until(child, accepts, timeout_seconds=60)

    def stop(self) -> None:
        """Stop the server."""
        for child in process.recorded(self.folder):
            process.stop(self.folder, child)

    def now(self, name: str) -> None:
        """Note a moment between two transactions."""
        self.moments[name] = self.sql("SELECT clock_timestamp() FROM pg_sleep(0.05)")
        self.sql("SELECT pg_sleep(0.05)")

    def archived(self) -> None:
        """Have all WAL up to now in the archive."""
        self.sql("CREATE TABLE IF NOT EXISTS archived (); DROP TABLE archived")
        name = self.sql("SELECT pg_walfile_name(pg_switch_wal())")
        until(
            lambda: (self.sql("SELECT last_archived_wal FROM pg_stat_archiver") or "") >= name,
            f"{name} in the archive",
        )

    def repository(self, copy: Path) -> Stanza:
        """Return the stanza in a copy of the repository that a test may damage."""
        shutil.copytree(self.folder / "repo", copy / "repo", symlinks=True)
        text = self.stanza.config.read_text().replace(f"{self.folder}/repo", f"{copy}/repo")
        return replace(self.stanza, config=configuration(copy, text))


def configuration(folder: Path, text: str) -> Path:
    file = folder / "pgbackrest.conf"
    file.touch(mode=0o600)
    file.write_text(text)
    owned(folder)
    return file


@contextmanager
def running_source() -> Iterator[Source]:
    """Run a server whose WAL goes to a repository of its own, without a backup yet."""
    needed("pgbackrest")
    with short_folder() as folder:
        try:
            binaries = programs.postgres_folder(folder / "programs")
        except PartMissing as absent:
            pytest.skip(str(absent))
        port, account = free_port(), service_account()
        for name in ("data", "run", "repo", "lock"):
            private_folder(folder / name)
        text = f"""[global]
repo1-path={folder}/repo
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={PASS_PHRASE}
lock-path={folder}/lock
log-level-file=off
start-fast=y
job-retry=0
[main]
pg1-path={folder}/data
pg1-port={port}
pg1-socket-path={folder}/run
"""
        (folder / "etc").mkdir()
        config = configuration(folder / "etc", text)
        subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync"],
            check=True, capture_output=True, cwd="/", **process.run_as(account),
        )  # fmt: skip
        push = f"pgbackrest --config={config} --stanza=main archive-push %p"
        settings = {
            "listen_addresses": "", "port": port, "unix_socket_directories": folder / "run",
            "archive_mode": "on", "archive_command": push, "wal_level": "replica", "fsync": "off",
        }  # fmt: skip
        with (folder / "data/postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        user = account.pw_name if account else None
        stanza = Stanza(config=config, name="main", programs=binaries, user=user, timeout_seconds=120)
        source = Source(folder, port, stanza)
        source.start()
        yield source


@pytest.fixture(scope="session")
def source() -> Iterator[Source]:
    """A server with two backups and WAL after them. t holds 1000 rows, then 2000, 3000, and 2000 again."""
    with running_source() as source:
        backups = PgBackRest(stanza=source.stanza)
        backups.initialise()
        source.sql("CREATE TABLE t (id int)")
        source.now("before")
        source.sql("INSERT INTO t SELECT generate_series(1, 1000)")
        backups.make("first")
        source.sql("INSERT INTO t SELECT generate_series(1001, 2000)")
        source.now("2000")
        source.archived()
        backups.make("second")
        source.sql("INSERT INTO t SELECT generate_series(2001, 3000)")
        source.archived()
        source.now("3000")
        source.sql("DELETE FROM t WHERE id <= 1000")
        source.archived()
        source.archived()
        yield source


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for one test's restores and repositories."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
