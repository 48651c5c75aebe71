"""What a person can do with the sandbox: `upkeep sandbox up|down|status|fault NAME|heal NAME`."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sandbox import process
from sandbox.errors import PartFailed
from sandbox.estate import Estate, PartState, load
from sandbox.faults.model import Fault
from sandbox.parts.model import import_path
from sandbox.paths import sandbox_folder
from sandbox.process import Child
from sandbox.supervisor import SUPERVISOR, stop_children

START_SECONDS = 180.0
"""Far beyond the 15 s that a start takes: for a machine that is busy with something else."""

STOP_SECONDS = 45.0


def up(timeout_seconds: float = START_SECONDS) -> Estate:
    """Start whatever is not running and return when every part is up or has said why not.

    Raises:
        PartFailed: the supervisor itself does not run.

    """
    folder = sandbox_folder()
    with _alone(folder):
        supervisor = _supervisor(folder)
        if supervisor is None:
            stop_children(folder)  # whatever a supervisor that was killed left behind
            replace(load(folder), state=PartState.STARTING, supervisor_pid=None).save()
            command: list[str | Path] = [sys.executable, "-m", "sandbox.supervisor", "--folder", folder]
            supervisor = process.start(folder, SUPERVISOR, command, environment=import_path())
        process.wait_until(supervisor, lambda: _is_up(folder, supervisor.pid), timeout_seconds)
    return load(folder)


def down() -> list[str]:
    """Stop everything that `up` started, and nothing else; return the names of what was running."""
    folder = sandbox_folder()
    with _alone(folder):
        running = [child.name for child in process.recorded(folder) if process.alive(child)]
        if supervisor := _supervisor(folder):
            process.stop(folder, supervisor, STOP_SECONDS)
        stop_children(folder)
        for child in process.recorded(folder):
            process.stop(folder, child)  # forgets the record of a supervisor that is gone
        before = load(folder)
        parts = {
            n: replace(p, state=PartState.STOPPED, pid=None, started=None) for n, p in before.parts.items()
        }
        replace(
            before, state=PartState.STOPPED, supervisor_pid=None, supervisor_started=None, parts=parts
        ).save()
    return running


def status() -> Estate:
    """Return what runs where; a part whose process is gone is shown as failed, whatever was written."""
    estate = load(sandbox_folder())
    if estate.state is PartState.STOPPED:
        return estate
    parts = {
        name: replace(part, state=PartState.FAILED, why="its process is gone")
        if part.state is PartState.UP and process.find(part.pid, part.started) is None
        else part
        for name, part in estate.parts.items()
    }
    alive = process.find(estate.supervisor_pid, estate.supervisor_started) is not None
    return replace(estate, parts=parts, state=estate.state if alive else PartState.FAILED)


def faults() -> list[Fault]:
    """Return every fault, by system and name."""
    from sandbox.faults.registry import all_faults

    return sorted(all_faults().values(), key=lambda fault: (fault.system, fault.name))


def fault(name: str) -> str:
    """Break one thing; return what is wrong now and which finding changes.

    Raises SandboxError if there is no such fault, or if what it needs does not run.
    """
    from sandbox.faults.registry import break_

    broken = break_(name, status())
    return f"{broken.name}: {broken.breaks}; {broken.finding}"


def heal(name: str) -> str:
    """Undo a fault; return what is right again. Raises SandboxError as `fault` does."""
    from sandbox.faults.registry import heal as mend

    mended = mend(name, status())
    return f"{mended.name}: healed"


def _supervisor(folder: Path) -> Child | None:
    """Return the supervisor if it is running."""
    found = [child for child in process.recorded(folder) if child.name == SUPERVISOR]
    return found[0] if found and process.alive(found[0]) else None


def _is_up(folder: Path, pid: int) -> bool:
    estate = load(folder)
    return estate.state is PartState.UP and estate.supervisor_pid == pid


@contextmanager
def _alone(folder: Path, patience_seconds: float = START_SECONDS + STOP_SECONDS) -> Iterator[None]:
    """Let one `up` or `down` of a folder happen at a time."""
    deadline = time.monotonic() + patience_seconds
    with (folder / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as e:
                if time.monotonic() > deadline:
                    raise PartFailed("another `up` or `down` of the sandbox does not end") from e
                time.sleep(0.1)
        yield
