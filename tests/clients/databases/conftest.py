"""Real database servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from upkeep.clients import mysql, postgres, sql


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


@pytest.fixture
def queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], object]]:
    """Add queries of the test's own to those of the project: `queries("mysql/slow", "SELECT …")`."""
    shutil.copytree(sql.FOLDER, tmp_path / "sql")
    monkeypatch.setattr(sql, "FOLDER", tmp_path / "sql")
    sql.load.cache_clear()
    yield lambda name, text: (tmp_path / "sql" / f"{name}.sql").write_text(text)
    sql.load.cache_clear()
