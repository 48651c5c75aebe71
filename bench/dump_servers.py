"""The servers of the dumps' bench: a MariaDB, a PostgreSQL and an S3, each a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from sandbox import process
from sandbox.parts import mariadb, postgres
from sandbox.parts.model import Context
from sandbox.paths import CHECKOUT
from upkeep.backups.dumps import DatabaseServer
from upkeep.backups.dumps.marks import databases
from upkeep.clients.aws import client_config

DATABASE = "bench"
ROW_BYTES = 430
PADDING = 400
"""Bytes of a row that compress to about half, as text does."""


@contextlib.contextmanager
def servers() -> Iterator[tuple[list[DatabaseServer], str]]:
    """Run them; yield the databases' and S3's URL."""
    # The databases' user cannot enter a folder under a private one.
    folder = Path(tempfile.mkdtemp(prefix="upkeep-bench-dumps-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        yield [_mariadb(folder), _postgres(folder)], _objects(folder)
    finally:
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(folder, ignore_errors=True)


def client(url: str) -> Any:
    """Return a client of the S3 at this URL."""
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="bench",
        aws_secret_access_key="bench", config=client_config(120),
    )  # fmt: skip


def fill(server: DatabaseServer, megabytes: int) -> None:
    """Make the database anew: a table with two indexes, its rows half noise and half text."""
    those = databases(server)
    those.drop(server.database)
    those.create(server.database, {})
    number = megabytes * 1024**2 // ROW_BYTES
    with server.session(1800) as session:
        session.run("CREATE TABLE events (id int PRIMARY KEY, owner int NOT NULL, note text NOT NULL)")
        for start in range(0, number, 5000):
            values = ",".join(
                f"({n},{n % 977},'{_note(n)}')" for n in range(start, min(start + 5000, number))
            )
            session.run(f"INSERT INTO events VALUES {values}")
        session.run("CREATE INDEX events_owner ON events (owner)")


def _note(number: int) -> str:
    noise = "".join(hashlib.sha256(f"{number}-{n}".encode()).hexdigest() for n in range(3))
    return (noise + "the quick brown fox jumps over the lazy dog " * 5)[:PADDING]


def _mariadb(folder: Path) -> DatabaseServer:
    import mysql.connector

    part = mariadb.SERVERS[1]
    found = part.start(Context(folder=folder))[0]
    passwords = json.loads(Path(str(found.credentials_file)).read_text())
    socket = str(folder / part.name / "socket")
    with (
        contextlib.closing(
            mysql.connector.connect(
                unix_socket=socket, user="root", password=passwords["root"], use_pure=True
            )
        ) as root,
        contextlib.closing(root.cursor()) as cursor,
    ):
        cursor.execute(f"GRANT ALL ON *.* TO '{part.user}'@'%'")
        cursor.execute("SET GLOBAL innodb_buffer_pool_size = 256 * 1024 * 1024")
        cursor.execute("SET GLOBAL innodb_log_file_size = 256 * 1024 * 1024")
        cursor.execute("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024")
    return DatabaseServer("mysql", "127.0.0.1", found.port or 0, part.user, passwords[part.user], DATABASE)


def _postgres(folder: Path) -> DatabaseServer:
    found = postgres.start(Context(folder=folder))[0]
    password = json.loads(Path(str(found.credentials_file)).read_text())["postgres"]
    return DatabaseServer("postgres", "127.0.0.1", found.port or 0, "postgres", password, DATABASE)


def _objects(folder: Path) -> str:
    ready = folder / "objects.port"
    command = [sys.executable, "-m", "bench.objects", str(folder / "objects"), str(ready)]
    path = {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'include'}"}
    server = process.start(folder, "objects", command, environment=path)
    process.wait_until(server, lambda: ready.exists() and ready.read_text() != "", timeout_seconds=30)
    return f"http://127.0.0.1:{ready.read_text()}"
