"""Starting and stopping processes so that only our own are ever stopped.

Each child has a session of its own, a log file, and a record in `<folder>/run/` with its pid and
its creation time: a later process that happens to get the same pid is never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from sandbox.errors import PartFailed

POLL_SECONDS = 0.05
CLOCK_SLACK_SECONDS = 2.0
"""How far two readings of one process's creation time may differ when the clock is adjusted."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process of ours. stop_signal: what makes it end in good order."""

    name: str
    pid: int
    started: float
    log: str
    stop_signal: int = signal.SIGTERM


def run_as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return the arguments of `subprocess` that start a process as another user."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def start(  # noqa: PLR0913 - what a process needs
    folder: Path,
    name: str,
    command: Sequence[str | Path],
    *,
    account: pwd.struct_passwd | None = None,
    environment: Mapping[str, str] | None = None,
    stop_signal: int = signal.SIGTERM,
) -> Child:
    """Start a process in a session of its own and record it.

    account: the user it runs as, if not ours. environment: additions to ours.

    Raises:
        PartFailed: it cannot be started.

    """
    log = folder / "logs" / f"{name}.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                **run_as(account),
            )
    except OSError as e:
        raise PartFailed(f"{command[0]} cannot be started: {e.strerror}") from e
    popen.returncode = 0  # it outlives this object on purpose: no warning about that
    started = psutil.Process(popen.pid).create_time()
    child = Child(name=name, pid=popen.pid, started=started, log=str(log), stop_signal=stop_signal)
    record = _record(folder, name)
    record.parent.mkdir(mode=0o700, exist_ok=True)
    record.write_text(json.dumps(asdict(child)))
    return child


def find(pid: int | None, started: float | None) -> psutil.Process | None:
    """Return the living process with this pid if it is the one that was started then."""
    if pid is None or started is None:
        return None
    with contextlib.suppress(psutil.Error, ChildProcessError):
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return None  # our own child has ended and is now reaped
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < CLOCK_SLACK_SECONDS
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def alive(child: Child) -> bool:
    """Whether the child still runs."""
    return find(child.pid, child.started) is not None


def stop(folder: Path, child: Child, timeout_seconds: float = 8.0) -> bool:
    """Stop a child with its session; return whether it was still running.

    Asked first with its own signal, killed when it has not ended in time.
    """
    was_alive = alive(child)
    if was_alive:
        _signal(child, child.stop_signal)
        if not _ended(child, timeout_seconds):
            _signal(child, signal.SIGKILL)
            _ended(child, timeout_seconds)
    if not alive(child):
        _record(folder, child.name).unlink(missing_ok=True)
    return was_alive


def recorded(folder: Path) -> list[Child]:
    """Return every process that was started and not stopped, whether it still runs or not."""
    children = []
    for file in sorted((folder / "run").glob("*.json")):
        try:
            children.append(Child(**json.loads(file.read_text())))
        except (ValueError, TypeError):
            file.unlink(missing_ok=True)  # half written when the machine stopped: no process behind it
    return children


def last_line(child: Child, length: int = 200) -> str:
    """Return the last line of the child's log that says something."""
    try:
        lines = Path(child.log).read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].strip()[:length] if lines else "it left no message"


def wait_until(child: Child, ready: Callable[[], bool], timeout_seconds: float = 20.0) -> None:
    """Wait until `ready()` is true.

    Raises:
        PartFailed: the child ended, or is not ready in time; the message quotes its log.

    """
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if not alive(child):
            raise PartFailed(f"it ended at once: {last_line(child)} (log: {child.log})")
        if time.monotonic() > deadline:
            raise PartFailed(f"it is not ready after {timeout_seconds:.0f} s (log: {child.log})")
        time.sleep(POLL_SECONDS)


def _record(folder: Path, name: str) -> Path:
    return folder / "run" / f"{name}.json"


def _signal(child: Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _ended(child: Child, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while alive(child):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
