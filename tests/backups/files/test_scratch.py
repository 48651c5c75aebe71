"""Folders for temporary files: those of a killed process are removed by the next, and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from upkeep.backups.scratch import scratch

PREFIX = "upkeep-test-"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def hold(told: Any, go_on: Any) -> None:
    """Have a folder with a file until told to go on."""
    with scratch(PREFIX) as folder:
        (folder / "large").write_text("rows")
        told.set()
        go_on.wait(30)


@pytest.fixture
def holder() -> Any:
    """Another process that has a folder, and what lets it go on."""
    context = multiprocessing.get_context("fork")
    told, go_on = context.Event(), context.Event()
    process = context.Process(target=hold, args=(told, go_on))
    process.start()
    assert told.wait(30)
    yield process, go_on
    process.kill()
    process.join()


def test_it_is_empty_and_our_own_and_goes_at_the_end(place: Path) -> None:
    with scratch(PREFIX) as folder:
        assert (list(folder.iterdir()), folder.stat().st_mode & 0o777) == ([], 0o700)
        assert list(place.iterdir()) == [folder]
        (folder / "inside").mkdir()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_goes(place: Path, holder: Any) -> None:
    process, _ = holder
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    [left] = place.iterdir()
    with scratch(PREFIX) as folder:
        assert list(place.iterdir()) == [folder]
    assert not left.exists()


def test_what_is_in_use_stays(place: Path, holder: Any) -> None:
    process, go_on = holder
    [theirs] = place.iterdir()
    with scratch(PREFIX), scratch(PREFIX):
        assert len(list(place.iterdir())) == 3
    assert (theirs / "large").read_text() == "rows"
    go_on.set()
    process.join()
    assert process.exitcode == 0
    assert list(place.iterdir()) == []


def test_what_is_no_folder_of_ours_stays(place: Path) -> None:
    (place / "upkeep-other-1").mkdir()
    (place / f"{PREFIX}file").touch()
    (place / f"{PREFIX}link").symlink_to(place / "upkeep-other-1")
    with scratch(PREFIX):
        pass
    assert len(list(place.iterdir())) == 3
