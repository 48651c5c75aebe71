from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sandbox import process
from sandbox.errors import PartFailed

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_is_recorded_and_stopped(tmp_path: Path) -> None:
    child = process.start(tmp_path, "one", SLEEP)
    assert process.recorded(tmp_path) == [child]
    assert process.alive(child)
    assert os.getsid(child.pid) == child.pid
    assert process.stop(tmp_path, child)
    assert not process.alive(child)
    assert process.recorded(tmp_path) == []
    assert not process.stop(tmp_path, child)


def test_a_later_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    child = process.start(tmp_path, "one", SLEEP)
    other = replace(child, started=child.started - 3600)
    assert not process.alive(other)
    assert not process.stop(tmp_path, other)
    assert process.alive(child)
    process.stop(tmp_path, child)


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = process.start(tmp_path, "stubborn", [sys.executable, "-c", STUBBORN])
    log = Path(child.log)
    process.wait_until(child, lambda: "ready" in log.read_text())
    assert process.stop(tmp_path, child, timeout_seconds=0.3)
    assert not process.alive(child)


def test_its_own_children_end_with_it(tmp_path: Path) -> None:
    child = process.start(tmp_path, "family", [sys.executable, "-c", FAMILY])
    log = Path(child.log)
    process.wait_until(child, lambda: log.read_text().strip().isdigit())
    grandchild = psutil.Process(int(log.read_text()))
    process.stop(tmp_path, child)
    deadline = time.monotonic() + 10
    while grandchild.is_running() and grandchild.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_waiting_quotes_the_last_words_of_one_that_ended(tmp_path: Path) -> None:
    child = process.start(tmp_path, "broken", [sys.executable, "-c", "raise SystemExit('no disk')"])
    with pytest.raises(PartFailed, match="it ended at once: no disk"):
        process.wait_until(child, lambda: False)


def test_waiting_has_an_end(tmp_path: Path) -> None:
    child = process.start(tmp_path, "slow", SLEEP)
    with pytest.raises(PartFailed, match="not ready after 0 s"):
        process.wait_until(child, lambda: False, timeout_seconds=0.2)
    process.stop(tmp_path, child)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="/no/such/program cannot be started: No such file"):
        process.start(tmp_path, "absent", ["/no/such/program"])


def test_a_record_written_by_half_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "half.json").write_text('{"name": "ha')
    assert process.recorded(tmp_path) == []


def test_the_stop_signal_is_kept(tmp_path: Path) -> None:
    child = process.start(tmp_path, "one", SLEEP, stop_signal=signal.SIGINT)
    assert process.recorded(tmp_path)[0].stop_signal == signal.SIGINT
    process.stop(tmp_path, child)
