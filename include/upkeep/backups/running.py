"""Runs the programs that make and read backups: bounded in time, dying with us, no secret in an argument.

Apart from `upkeep.backups.dumps.child`: this waits for the end, reads both outputs as lines and ends a group
of processes gently, where that is one pipe of bytes that is read or fed piece by piece.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from upkeep.errors import ConfigurationError, TemporaryError

INHERITED = ("PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
"""What a program sees of our environment: the rest of a worker's holds secrets that are not its business."""
ERROR_LINES = 5000
GRACE_SECONDS = 5.0
POLL_SECONDS = 0.1

Line = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How a program ended. output: its standard output, empty where lines were handed on as they came."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True, kw_only=True)
class How:
    """How to run a program.

    environment: additions, such as credentials. user: who runs it, None for ourselves (root may choose).
    timeout_seconds: for the whole run. stall_seconds: for which `on_line` may report no progress.
    """

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str | None = None
    timeout_seconds: float = 60.0
    stall_seconds: float | None = None


def run(command: Sequence[str | Path], how: How, on_line: Callable[[str], bool] | None = None) -> Ended:
    """Run a program to its end and return how it ended, whatever its status.

    on_line: takes each line of its output and returns whether it shows progress.

    Raises:
        ConfigurationError: the program is not there, or may not be run.
        TemporaryError: it took too long, or made no progress for too long; it is ended then.

    """
    process = _start([str(word) for word in command], how)
    reading = _Reading(process, on_line)
    try:
        _wait(process, reading, how, Path(command[0]).name)
    finally:
        _end(process)
        reading.join()
    return Ended(process.returncode, "".join(reading.output), "".join(reading.errors))


def require_private(file: Path, holds: str) -> None:
    """Refuse a file of secrets that is not there, or that others may read. Raises ConfigurationError."""
    try:
        mode = file.stat().st_mode
    except OSError as e:
        raise ConfigurationError(f"{file}: {e.strerror}: it holds {holds}") from e
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{file} may be read by others and holds {holds}: chmod 600 it")


def _start(command: list[str], how: How) -> subprocess.Popen[str]:
    if shutil.which(command[0]) is None:
        raise ConfigurationError(f"{command[0]} is not installed here: install it, or give its path")
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", **how.environment}
    # A worker that is killed leaves no program behind that goes on with what the next attempt begins.
    bound = ["setpriv", "--pdeathsig", "KILL", "--", *command]
    as_user = {"user": how.user, "group": how.user, "extra_groups": []} if how.user else {}
    try:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - no shell
            bound, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", env=environment, cwd="/", start_new_session=True, **as_user,
        )  # fmt: skip
    except (OSError, LookupError, subprocess.SubprocessError) as e:
        who = f" as {how.user}" if how.user else ""
        raise ConfigurationError(f"{command[0]} cannot be started{who}: {e}") from e


class _Reading:
    """Reads both outputs of a process while it runs."""

    def __init__(self, process: subprocess.Popen[str], on_line: Callable[[str], bool] | None) -> None:
        self.output: list[str] = []
        self.errors: deque[str] = deque(maxlen=ERROR_LINES)
        self.moved_at = time.monotonic()
        self.failure: BaseException | None = None
        self._on_line = on_line
        pairs = ((process.stdout, self._line), (process.stderr, self.errors.append))
        self._threads = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in pairs]
        for thread in self._threads:
            thread.start()

    def _line(self, line: str) -> None:
        if self._on_line is None:
            self.output.append(line)
        elif self._on_line(line):
            self.moved_at = time.monotonic()

    def _read(self, stream: IO[str], take: Line) -> None:
        with stream:
            try:
                for line in stream:
                    take(line)
            except Exception as e:  # told to the one who waits, in whose thread it can be raised
                self.failure = e

    def join(self) -> None:
        """Wait until all is read; a grandchild that keeps the pipe open is not waited for."""
        for thread in self._threads:
            thread.join(GRACE_SECONDS)


def _wait(process: subprocess.Popen[str], reading: _Reading, how: How, name: str) -> None:
    began = time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
            break
        now = time.monotonic()
        if reading.failure:
            raise reading.failure
        if now - began > how.timeout_seconds:
            raise TemporaryError(
                f"{name} did not end within {how.timeout_seconds:.0f} s and was stopped: "
                "look at the load and the network, or allow more time"
            )
        if how.stall_seconds is not None and now - reading.moved_at > how.stall_seconds:
            raise TemporaryError(
                f"{name} made no progress for {how.stall_seconds:.0f} s and was stopped: is the network cut?"
            )
    reading.join()
    if reading.failure:
        raise reading.failure


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the program and its children to end (SIGINT: they remove their locks), then make them."""
    for number, seconds in ((signal.SIGINT, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
