from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import commands, process
from sandbox.errors import SandboxError
from sandbox.estate import Estate, PartState, load

pytestmark = pytest.mark.integration


def test_whatever_is_installed_is_up(estate: Estate) -> None:
    assert estate.state is PartState.UP
    bad = {name: part.why for name, part in estate.parts.items() if part.state is PartState.FAILED}
    assert bad == {}
    for part in estate.parts.values():
        if part.state is PartState.MISSING:
            assert part.why
            assert part.costs


def test_up_again_is_quick_and_changes_nothing(estate: Estate) -> None:
    began = time.monotonic()
    assert commands.up() == estate
    assert time.monotonic() - began < 2


def test_the_estate_file_and_the_process_list_hold_no_password(estate: Estate) -> None:
    words = [
        word
        for part in estate.parts.values()
        if part.credentials_file
        for word in _passwords(Path(part.credentials_file))
    ]
    assert words
    text = (estate.folder / "estate.json").read_text()
    text += "".join(log.read_text(errors="replace") for log in (estate.folder / "logs").iterdir())
    pids = {part.pid for part in estate.parts.values() if part.pid}
    text += "".join(" ".join(psutil.Process(pid).cmdline()) for pid in pids)
    assert [word for word in words if word in text] == []


def test_database_servers_do_not_run_as_root(estate: Estate) -> None:
    for name in ("platform", "postgres", "mysql-quikapp"):
        part = estate.parts[name]
        if part.pid:
            assert psutil.Process(part.pid).uids().real != 0 or os.geteuid() != 0


def test_status_shows_what_runs(estate: Estate) -> None:
    shown = commands.status()
    assert shown.state is PartState.UP
    assert shown.parts.keys() == estate.parts.keys()


def test_an_unknown_fault_is_named_with_its_neighbours(estate: Estate) -> None:
    with pytest.raises(SandboxError, match="did you mean quikapp-missing-snapshot"):
        commands.fault("quikapp-missing-snapshots")


def test_faults_are_listed_with_what_they_do() -> None:
    listed = commands.faults()
    assert len({fault.name for fault in listed}) == len(listed)
    assert {fault.system for fault in listed} == {"quikapp", "maintenance-api", "zetra", "lessay", "tapio"}
    for fault in listed:
        assert fault.name.startswith(f"{fault.system}-")
        assert fault.breaks
        assert fault.finding
        assert fault.needs


def test_a_killed_supervisor_leaves_nothing_behind(
    state: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[..., Any]
) -> None:
    monkeypatch.setenv("UPKEEP_STATE", str(state))
    other = process.start(state, "not-ours", ["sleep", "600"])
    started = commands.up()
    pids = [(part.pid, part.started) for part in started.parts.values() if part.pid]
    supervisor = started.supervisor_pid
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: process.find(supervisor, started.supervisor_started) is None, "the supervisor's end")
    assert commands.status().state is PartState.FAILED
    assert all(process.find(*pid) for pid in pids)
    stopped = commands.down()
    assert "redis" in stopped
    assert [pid for pid in pids if process.find(*pid)] == []
    assert load(started.folder).state is PartState.STOPPED
    assert commands.down() == []
    assert process.alive(other)
    process.stop(state, other)


def _passwords(file: Path) -> list[str]:
    import json

    return list(json.loads(file.read_text()).values())
