"""restic and its worker are killed at each step; a repeat ends right and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.backups.files.test_restic import restored, same

from upkeep.backups.files import ResticFiles
from upkeep.backups.files.snapshots import DRAFT
from upkeep.errors import TemporaryError


def until(ready: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def killed_when(act: Callable[[], object], ready: Callable[[], object]) -> None:
    """Do something in a child process, and kill that as soon as `ready`, with all that it started."""
    child = multiprocessing.get_context("fork").Process(target=act)
    child.start()
    assert child.pid is not None
    until(lambda: ready() or not child.is_alive())
    programs = psutil.Process(child.pid).children(recursive=True) if child.is_alive() else []
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL, "it was done before it could be killed"
    psutil.wait_procs(programs, timeout=10)
    assert not any(program.is_running() for program in programs)  # they died with their worker


def finished(files: ResticFiles, source: Path, target: Path) -> None:
    """Assert that one copy is there, whole, and nothing else."""
    made = files.make("a")
    rows = files.repository.json("snapshots")
    assert [row["id"] for row in rows] == [made.facts["snapshot"]]
    locks = Path(files.repository.location) / "locks"
    assert all(proof.holds for proof in files.check(made))
    assert list(locks.iterdir()) == []
    files.restore(made, target)
    assert same(source, restored(target, source))


def test_killed_while_packs_are_written(files: ResticFiles, source: Path, tmp_path: Path) -> None:
    (source / "more").write_bytes(os.urandom(60_000_000))
    killed_when(lambda: files.make("a"), files.packs.sizes)
    assert files.find("a") is None
    finished(files, source, tmp_path / "target")


def test_killed_between_the_backup_and_its_name(files: ResticFiles, source: Path, tmp_path: Path) -> None:
    snapshots = Path(files.repository.location) / "snapshots"
    killed_when(lambda: files.make("a"), lambda: any(snapshots.iterdir()))
    (draft,) = files.copies()
    assert draft.problems == ["backup a was not finished: its maker was stopped; make it again"]
    assert files.find("a") is None
    finished(files, source, tmp_path / "target")


def test_a_copy_and_its_own_draft_become_one(files: ResticFiles, source: Path, tmp_path: Path) -> None:
    # restic writes the snapshot with the new tags before it removes the old: a kill leaves both.
    files.repository.call("backup", "--host", "tapio", "--tag", f"{DRAFT}=a", str(source))
    draft = next(files.copies()).facts["snapshot"]
    saved = (Path(files.repository.location) / "snapshots" / draft).read_bytes()
    files.repository.alone("tag", "--set", "upkeep=a,ended=20261121T020000Z,unread=0", draft)
    (Path(files.repository.location) / "snapshots" / draft).write_bytes(saved)
    assert len(list(files.copies())) == 2
    finished(files, source, tmp_path / "target")


def test_killed_while_it_restores(files: ResticFiles, source: Path, tmp_path: Path) -> None:
    (source / "more").write_bytes(os.urandom(150_000_000))
    made = files.make("a")
    target = tmp_path / "target"
    killed_when(lambda: files.restore(made, target), lambda: restored(target, source).exists())
    assert not same(source, restored(target, source))
    files.restore(made, target)
    assert same(source, restored(target, source))


def test_the_lock_of_a_restic_elsewhere_that_works_is_respected(files: ResticFiles) -> None:
    made = files.make("a")
    writing = subprocess.Popen(
        [files.repository.program, "backup", "--no-cache", "--stdin", "--host", "other"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        env={**os.environ, "RESTIC_REPOSITORY": files.repository.location,
             "RESTIC_PASSWORD_FILE": str(files.repository.password_file)},
    )  # fmt: skip
    try:
        until(lambda: any((Path(files.repository.location) / "locks").iterdir()))
        with pytest.raises(TemporaryError, match="another restic works on it"):
            files.delete([made])
        assert files.find("a") == made
    finally:
        writing.communicate(b"done")
    files.delete([made])
    assert list(files.copies()) == []
