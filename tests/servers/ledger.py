"""A real PostgreSQL with a migrated ledger, a fresh one for each test."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from sandbox import process
from sandbox.errors import PartMissing
from sandbox.estate import Estate
from sandbox.parts.model import Context
from sandbox.parts.postgres_cluster import SUPERUSER, Cluster
from upkeep.ledger.migrate import upgrade


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of the tests."""

    port: int
    password: str

    def engine(self, database: str, **options: object) -> Engine:
        url = URL.create("postgresql+psycopg", SUPERUSER, self.password, "127.0.0.1", self.port, database)
        return create_engine(url, poolclass=NullPool, **options)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    # Not below pytest's own folder, which the database's user may not enter when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="upkeep-ledger-", dir="/var/tmp"))
    folder.chmod(0o711)
    cluster = Cluster(
        name="postgres", databases={"template": SUPERUSER}, settings={"fsync": "off"}, durable=False
    )
    try:
        try:
            where = cluster.start(Context(folder=folder))
        except PartMissing as e:
            pytest.skip(str(e))
        estate = Estate(folder=folder, state=where.state, parts={"postgres": where})
        assert where.port is not None
        server = Server(where.port, estate.password("postgres", SUPERUSER))
        upgrade(server.engine("template"))
        yield server
    finally:
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def empty_database(postgres_server: Server) -> Iterator[Engine]:
    yield from _database(postgres_server, "template0")


@pytest.fixture
def ledger(postgres_server: Server) -> Iterator[Engine]:
    yield from _database(postgres_server, "template")


def _database(server: Server, template: str) -> Iterator[Engine]:
    name = f"test_{uuid.uuid4().hex}"
    admin = server.engine("postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield server.engine(name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
