"""A ledger, and a PostgreSQL of ours with moments to come back to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.backups.physical.conftest import Source
from tests.servers.ledger import ledger, postgres_server
from tests.servers.moments import recoveries, source_of_a_shop

__all__ = ["ledger", "postgres_server"]


@pytest.fixture(scope="package")
def backed_up() -> Iterator[Source]:
    """Table t has one row at `one`, two at `two`, other ones at the end; WAL goes on after each."""
    with source_of_a_shop() as source:
        source.stanza.call("stanza-create")
        source.stanza.call("backup", "--annotation=upkeep=wal-first", moves_data=True)
        for name in ("one", "two"):
            source.sql("INSERT INTO t VALUES (1)")
            source.now(name)
            source.archived()
        source.sql("UPDATE t SET id = 9")
        source.archived()
        yield source


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where servers are recovered to."""
    with recoveries() as found:
        yield found
