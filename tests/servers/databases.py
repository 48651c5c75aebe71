"""The sandbox's MariaDB and PostgreSQL, each alone, in a folder that their service account can reach."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from mysql.connector import connect

from sandbox import process
from sandbox.errors import PartMissing
from sandbox.estate import Endpoint
from sandbox.parts import mariadb, postgres
from sandbox.parts.model import Context
from upkeep.backups.dumps import DatabaseServer


@dataclass(frozen=True)
class Database:
    """Where a database is."""

    port: int
    user: str
    password: str
    name: str


@contextmanager
def mysql() -> Iterator[Database]:
    """Run the maintenance API's MariaDB."""
    server = mariadb.SERVERS[1]
    with _folder() as folder:
        yield _at(_started(server.start, folder), server.user, server.database)


@contextmanager
def mysql_with_all_rights() -> Iterator[DatabaseServer]:
    """Run the same; its user may make and grant whatever it wants, and its database is named `shop`."""
    part = mariadb.SERVERS[1]
    with _folder() as folder:
        endpoint = _started(part.start, folder)
        assert endpoint.port is not None
        passwords = json.loads(Path(str(endpoint.credentials_file)).read_text())
        root = connect(
            unix_socket=str(folder / part.name / "socket"),
            user="root",
            password=passwords["root"],
            use_pure=True,
        )
        root.cursor().execute(f"GRANT ALL ON *.* TO '{part.user}'@'%' WITH GRANT OPTION")
        root.close()
        yield DatabaseServer("mysql", "127.0.0.1", endpoint.port, part.user, passwords[part.user], "shop")


@contextmanager
def postgresql() -> Iterator[Database]:
    """Run the estate's PostgreSQL; the database is zetra."""
    with _folder() as folder:
        yield _at(_started(postgres.start, folder), "zetra_admin", "zetra")


def _started(start: object, folder: Path) -> Endpoint:
    assert callable(start)
    try:
        found: list[Endpoint] = start(Context(folder=folder))
    except PartMissing as e:
        pytest.skip(str(e))
    return found[0]


@contextmanager
def _folder() -> Iterator[Path]:
    # Not below pytest's own folder, which only we may enter: the servers run as another user.
    folder = Path(tempfile.mkdtemp(prefix="upkeep-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(folder, ignore_errors=True)


def _at(endpoint: Endpoint, user: str, name: str) -> Database:
    assert endpoint.port is not None
    assert endpoint.credentials_file is not None
    password = json.loads(Path(endpoint.credentials_file).read_text())[user]
    return Database(endpoint.port, user, password, name)
