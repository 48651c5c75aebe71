"""Real database servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from upkeep.clients import mysql, postgres


@pytest.fixture(scope="session")
def maria() -> Iterator[Any]:
    """A MariaDB server; where it is, and as whom."""
    from servers.databases import mysql as server

    with server() as found:
        yield found


@pytest.fixture(scope="session")
def pg() -> Iterator[Any]:
    """A PostgreSQL server; where it is, and as whom."""
    from servers.databases import postgresql as server

    with server() as found:
        yield found


@pytest.fixture(scope="session")
def to_maria(maria: Any) -> Any:
    """Connect to MariaDB."""
    return mysql.connector("127.0.0.1", maria.port, maria.user, maria.password, maria.name, timeout_seconds=5)


@pytest.fixture(scope="session")
def to_pg(pg: Any) -> Any:
    """Connect to PostgreSQL."""
    return postgres.connector("127.0.0.1", pg.port, pg.user, pg.password, pg.name, timeout_seconds=5)
