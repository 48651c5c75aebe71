"""What fails outside, by each method: the stage says so in bounded time, and the source is as it was."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.backups.acts.conftest import METHODS, Make
from tests.backups.acts.killer import Killer, children, killer
from tests.backups.acts.worlds import POLICY, World
from tests.backups.dumps.proxy import proxy
from tests.servers.bad import http, saying

from upkeep.backups.dumps import DatabaseServer
from upkeep.backups.dumps.marks import databases
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError, UpkeepError
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

__all__ = ["children", "killer"]

EXPIRED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"""
BOUND_SECONDS = 300
"""restic tries for a minute and a half by itself."""


@contextmanager
def untouched(world: World) -> Iterator[None]:
    """The source is as it was when the block ends, which is soon; nothing is stored that looks whole."""
    state, began = world.state(), time.monotonic()
    yield
    assert time.monotonic() - began < BOUND_SECONDS
    assert world.state() == state
    assert known_backups(world.run("backup").act.engine, "shop", POLICY) == []


def works(world: World) -> None:
    """A backup can be made once things are well."""
    world.run("backup").until("prove")
    assert world.left_over() == []
    [known] = known_backups(world.run("backup").act.engine, "shop", POLICY)
    assert known.proven is Level.CHECKSUMS


@pytest.mark.parametrize("stage", ["plan", "make"])
@pytest.mark.parametrize("method", METHODS)
def test_credentials_that_have_expired(make: Make, method: str, stage: str) -> None:
    world = make(method)
    with untouched(world), saying(http(400, EXPIRED, "application/xml")) as port:
        late = world.through(s3=f"http://127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match=r"check the (connection's )?credentials"):
            late.run("backup").do(stage)
    works(world)


@pytest.mark.parametrize("method", METHODS)
def test_a_bucket_that_is_gone(make: Make, method: str) -> None:
    world = make(method)
    parts = world.told["parts"]["backups"][POLICY]
    gone = world.with_policy(location=parts["location"] | {"bucket": "gone"})
    if method == "files":
        gone = replace(gone, told={**gone.told, "bucket": "gone"})
    with untouched(world), pytest.raises(UpkeepError, match="gone"):
        gone.run("backup").do("make")
    assert "gone" not in [one["Name"] for one in world.s3.list_buckets()["Buckets"]] or method == "files"


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_cut_in_mid_stream(make: Make, method: str) -> None:
    world = make(method)
    with untouched(world), proxy(int(world.told["aws"]["s3"].rpartition(":")[2])) as far:
        far.cut_after, far.upward = 5_000 if method == "namespace" else 300_000, True
        with pytest.raises(TemporaryError):
            world.through(s3=f"http://127.0.0.1:{far.port}").run("backup").do("make")
        assert far.cuts
    works(world)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder for temporary files in which there is no room."""
    with small(tmp_path / "small", "64k") as folder:
        (folder / "rest").write_bytes(bytes(60_000))
        yield folder


@contextmanager
def small(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small file system."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def made(killer: Killer, world: World, full: Path) -> dict[str, Any]:
    """Make a backup in a process whose disk is full; return its answer."""
    began_at = datetime.now(UTC).isoformat()
    run = {"kind": "backup", "label": "one", "form": {}, "carried": {}, "began_at": began_at}
    told = {"told": world.told, "run": run, "stage": "make", "parameters": {"policy": POLICY}}
    return killer.ask(told | {"temporary": str(full)})


@pytest.mark.parametrize("method", ["mysql", "namespace", "postgres"])
def test_what_is_streamed_needs_no_room_on_the_worker(
    make: Make, killer: Killer, method: str, full: Path
) -> None:
    world = make(method)
    assert made(killer, world, full)["carried"] == {"name": "data-one"}
    assert [path.name for path in full.iterdir()] == ["rest"]
    works(world)


@pytest.mark.parametrize("method", ["bundles", "files"])
def test_the_workers_disk_is_full(make: Make, killer: Killer, method: str, full: Path) -> None:
    world = make(method)
    with untouched(world):
        said = made(killer, world, full)["error"].splitlines()[-1]
        assert re.match(
            r"upkeep\.errors\.(Permanent|Temporary)Error: .*(no space left|disk is full)", said, re.I
        )
    works(world)


def restored(world: World) -> Any:
    """Return a run that is about to restore."""
    works(world)
    run = world.run("restore_dump", target="restored")
    run.until("plan")
    return run


def ends_right(world: World, run: Any, server: DatabaseServer) -> None:
    """With room again, a repeat drops the half of it and ends well."""
    mark = databases(server).mark("restored")
    assert mark is None or mark.state == "restoring"
    databases(server).drop("restored")
    run.until("verify")
    [known] = known_backups(run.act.engine, "shop", POLICY)
    assert known.proven is Level.INVARIANTS
    assert world.state()


@contextmanager
def readable() -> Iterator[Path]:
    """Make a folder that the servers' account can reach, which pytest's own it cannot."""
    with tempfile.TemporaryDirectory(prefix="upkeep-test-", dir="/var/tmp") as home:
        Path(home).chmod(0o755)
        yield Path(home)


def test_the_disk_of_a_postgresql_is_full(make: Make) -> None:
    world = make("postgres")
    state, run = world.state(), restored(world)
    server = run.act.clients.database("restore")
    with readable() as home, small(home / "small", "20m") as folder:
        with server.session() as session:
            data = Path(session.value("SHOW data_directory"))
        os.chown(folder, data.stat().st_uid, data.stat().st_gid)
        with server.session() as session:
            session.run(f"CREATE TABLESPACE small LOCATION '{folder}'")
            session.run("CREATE DATABASE restored TEMPLATE template0 TABLESPACE small")
        left = os.statvfs(folder)
        (folder / "rest").write_bytes(bytes(left.f_bavail * left.f_bsize - 300_000))
        try:
            with pytest.raises(PermanentError, match=r"No space left on device|could not extend file"):
                run.do("restore")
            [known] = known_backups(run.act.engine, "shop", POLICY)
            assert known.proven is Level.CHECKSUMS, "the dump is not at fault"
            assert world.state() == state
            ends_right(world, run, server)
        finally:
            databases(server).drop("restored")
            with server.session() as session:
                session.run("DROP TABLESPACE small")
