"""The disk of a MariaDB that is restored to is full: told, bounded, and with room again the end is right."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.acts.runs import Stages
from tests.backups.acts.conftest import Make
from tests.backups.acts.places import SYSTEM
from tests.backups.acts.test_bad_world import readable, small
from tests.backups.acts.worlds import POLICY, World
from tests.backups.physical.conftest import until
from tests.backups.physical.shop import mariadb, next_second, one
from tests.servers.moments import databases

from upkeep.backups.dumps import DatabaseServer, child
from upkeep.backups.model import Level
from upkeep.backups.physical import binlog_recovery
from upkeep.errors import PermanentError, TemporaryError
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

FULL = "the disk of the server is full: make room there"


@dataclass
class Disk:
    """A MariaDB with a small disk of its own."""

    server: DatabaseServer
    folder: Path

    def leave(self, room: int) -> None:
        """Fill the disk but for some bytes."""
        left = os.statvfs(self.folder)
        (self.folder / "rest").write_bytes(bytes(left.f_bavail * left.f_bsize - room))

    def free(self) -> None:
        """Make room."""
        (self.folder / "rest").unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    with readable() as home, small(home / "data", "200m") as folder, mariadb(data=folder) as server:
        one(server.at(""), "DROP DATABASE shop")
        yield Disk(server, folder)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stands still is asked soon."""
    for module in (child, binlog_recovery):
        monkeypatch.setattr(module, "ASK_SECONDS", 1.0)


def rows(server: DatabaseServer, table: str, number: int) -> None:
    """Write rows of a thousand bytes each."""
    with server.session(120) as session:
        for _ in range(number // 500):
            session.run(f"INSERT INTO {table} (b) VALUES " + ", ".join(["(REPEAT('x', 1000))"] * 500))


def on(disk: Disk, world: World) -> World:
    """Return the same world, restored on that disk."""
    database = {**world.told["database"], "restore": asdict(disk.server.at("mysql"))}
    return replace(world, told={**world.told, "database": database})


def refused(run: Stages, disk: Disk) -> str:
    """Restore until the disk is full; return what is said of it."""
    began = time.monotonic()
    with pytest.raises(PermanentError, match=FULL) as told:
        run.do("restore")
    assert time.monotonic() - began < 60
    return str(told.value)


def goes_on(run: Stages) -> None:
    """MariaDB goes on by itself within a minute, and is left alone until then."""
    with pytest.raises(TemporaryError, match="a statement waits for room on the server's disk"):
        run.do("restore")
    server = run.act.clients.database("restore")
    wait = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for someone%'"
    until(lambda: one(server, wait) == 0, "MariaDB goes on", 90)


def ends_right(run: Stages, world: World, policy: str) -> None:
    """The backup is not at fault, and with room a repeat ends well."""
    engine = run.act.engine
    [known] = known_backups(engine, "shop", policy)
    assert known.proven is Level.CHECKSUMS
    assert not known.broken
    run.until("verify")
    [known] = known_backups(engine, "shop", policy)
    assert known.proven is Level.INVARIANTS
    run.until("clean_up")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("engine", ["InnoDB", "Aria"])
def test_a_dump(make: Make, disk: Disk, engine: str) -> None:
    world = on(disk, make("mysql"))
    server = DatabaseServer(**world.told["database"]["mysql"])
    one(server, f"CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, b TEXT) ENGINE={engine}")
    try:
        rows(server, "big", 20_000)
        state, run = world.state(), begun(world, "restore_dump", target="restored", keep=False)
        disk.leave(9_000_000)
        assert "restored" in refused(run, disk)
        assert world.state() == state
        disk.free()
        if engine == "Aria":
            goes_on(run)
        ends_right(run, world, POLICY)
        assert "restored" not in databases(disk.server)
    finally:
        one(server, "DROP TABLE big")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("engine", ["InnoDB", "Aria"])
def test_a_binary_log(
    make: Make, logging_and_empty: tuple[DatabaseServer, Any], disk: Disk, engine: str
) -> None:
    real, _ = logging_and_empty
    world = on(disk, make("binlog"))
    one(real, f"CREATE OR REPLACE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, b TEXT) ENGINE={engine}")
    world.run("backup", "first", policy="dumps").until("prove")
    for _ in range(2):
        next_second()
    rows(real, "big", 20_000)
    one(real, "FLUSH BINARY LOGS")
    next_second()
    one(real, "INSERT INTO t VALUES (1)")
    world.run("backup").until("prove")
    run = begun(world, "drill_moment", made=True)
    run.until("lose")
    disk.leave(9_000_000)
    assert "the server is half way" in refused(run, disk)
    one(real, "DROP TABLE big")
    disk.free()
    if engine == "InnoDB":
        ends_right(run, world, "dumps")
        assert databases(disk.server) == SYSTEM


def begun(world: World, kind: str, *, made: bool = False, **form: Any) -> Stages:
    """Make a backup, unless it is made, and plan its restore."""
    if not made:
        world.run("backup").until("prove")
    run = world.run(kind, **form)
    run.until("plan")
    return run


def test_what_the_server_tells_of_its_room_is_in_the_plan(make: Make, disk: Disk) -> None:
    world = on(disk, make("mysql"))
    run = begun(world, "restore_dump", target="restored")
    assert "room on the server's disk: unknown: the server does not tell" in "\n".join(run.plan.notes)
    one(disk.server.at(""), "INSTALL SONAME 'disks'")
    try:
        run = world.run("restore_dump", "other", target="restored")
        run.until("plan")
        assert "room on the server's disk: 1" in "\n".join(run.plan.notes)  # hundred MiB and more
        disk.leave(100_000)
        with pytest.raises(PermanentError, match=r"nothing was touched: .* its disk has room for \S+ bytes"):
            world.run("restore_dump", "third", target="restored").until("plan")
    finally:
        (disk.folder / "rest").unlink(missing_ok=True)
        one(disk.server.at(""), "UNINSTALL SONAME 'disks'")
