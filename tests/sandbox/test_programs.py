"""What is not installed is named, in one line, with what it costs; what can stand in for it, does."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox import process, programs
from sandbox.credentials import credentials
from sandbox.errors import PartMissing
from sandbox.estate import PartState, load
from sandbox.parts import alertmanager, mariadb, redis
from sandbox.parts.model import Context
from sandbox.parts.postgres_cluster import Cluster, connection
from sandbox.supervisor import Supervisor, stop_children

METRICS_LOST = "every finding that reads metrics is unknown"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(programs, "SYSTEM_POSTGRES", tmp_path)


@pytest.mark.usefixtures("bare")
def test_every_missing_program_is_one_line_with_its_package_and_cost() -> None:
    lines = programs.missing()
    assert len(lines) == len(programs.PROGRAMS)
    line = next(line for line in lines if line.startswith("prometheus "))
    assert line == f"prometheus is not installed (apt-get install prometheus): {METRICS_LOST}"


@pytest.mark.usefixtures("bare")
def test_parts_that_lack_a_program_are_missing(state: Path, wait_for: Callable[..., Any]) -> None:
    supervisor = Supervisor(state, [*mariadb.PARTS, replace(alertmanager.PART, after=())])
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    wait_for(lambda: load(state).state is PartState.UP, "the start")
    supervisor.stopping.set()
    thread.join(20)
    parts = supervisor.estate.parts
    assert "mariadbd is not installed" in str(parts["mysql-quikapp"].why)
    assert "prometheus-alertmanager is not installed" in str(parts["alertmanager"].why)


def test_a_part_whose_port_is_taken_says_so(
    state: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[..., Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("UPKEEP_PORT_REDIS", str(server.getsockname()[1]))
        supervisor = Supervisor(state, [redis.PART])
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        wait_for(lambda: load(state).state is PartState.UP, "the start")
        part = load(state).parts["redis"]
        supervisor.stopping.set()
        thread.join(20)
    assert part.state is PartState.FAILED
    assert "is taken: free it, or unset the variable" in str(part.why)
    assert part.costs == "findings about the caches are unknown"


@pytest.mark.parametrize("can_be_reached", [True, False])
@pytest.mark.integration
def test_postgres_from_the_wheel_stands_in(
    state: Path, monkeypatch: pytest.MonkeyPatch, can_be_reached: bool
) -> None:
    monkeypatch.setattr(programs, "SYSTEM_POSTGRES", state / "none")
    monkeypatch.setattr(programs, "reachable", lambda _: can_be_reached)
    cluster = Cluster(name="small", databases={"one": "owner"}, settings={}, durable=True)
    try:
        up = cluster.start(Context(folder=state))
        assert up.details["statement_statistics"] is False
        assert "pg_stat_statements is not installed" in str(up.why)
        _, passwords = credentials(state, "small", ())
        with connection(up.port or 0, "owner", passwords["owner"], "one") as db, db.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (n int)")
        stop_children(state)
        again = cluster.start(Context(folder=state))
        with connection(again.port or 0, "owner", passwords["owner"], "one") as db, db.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
            assert cursor.fetchone() == (0,)
    finally:
        stop_children(state)
    assert process.recorded(state) == []


def test_without_any_postgres_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "SYSTEM_POSTGRES", tmp_path)
    monkeypatch.setitem(sys.modules, programs.WHEEL, None)
    with pytest.raises(PartMissing, match="apt-get install postgresql"):
        programs.postgres_folder(tmp_path)
