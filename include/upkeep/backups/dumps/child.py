"""A program whose output is read, or which is fed: its exit status decides, and it cannot hang for ever.

Apart from `upkeep.backups.running`: a dump is a stream of bytes with no bound in time, which its reader paces
and breaks off, where that runs a command to its end and hands on lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import FileIO
from types import TracebackType
from typing import Any, Self

from upkeep.backups.dumps.room import ASK_SECONDS, FULL, says_full
from upkeep.clients.answers import safe_excerpt
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError, UpkeepError

_REASON = re.compile(r"ERROR \d+|(pg_|maria|mysql)[\w-]*: ")

PIPE_BYTES = 1024**2
"""As large as an ordinary user may make a pipe: fewer turns between two programs than with 64 KiB."""

_PIECE_BYTES = 256 * 1024
"""Programs write a few KiB at a time: what is done with each piece would cost more than the bytes."""

_TAIL_BYTES = 4096
_REFUSED = (
    "access denied", "authentication failed", "permission denied", "unknown database", "does not exist",
    "must be owner", "must be superuser", "version mismatch", "no pg_hba.conf entry", "certificate",
)  # fmt: skip
_LOST = (
    "lost connection", "can't connect", "could not connect", "connection to server", "closed the connection",
    "gone away", "connection refused", "terminating connection", "too many connections", "lock wait timeout",
    "deadlock", "server has been started", "starting up", "shutting down", "canceling statement",
)  # fmt: skip


def _reasons(said: bytes) -> str:
    r"""Return the lines in which a program says why it failed, all lines where none of them does.

    MariaDB's client repeats the statement that failed, rows and all: they belong into no log.

    >>> _reasons(b"--------------\nINSERT INTO t VALUES (1)\n--------------\n\nERROR 1062 (23000): Duplicate")
    'ERROR 1062 (23000): Duplicate'
    >>> _reasons(b"pg_restore: error: could not execute query\nCommand was: COPY")
    'pg_restore: error: could not execute query'
    """
    lines = said.decode(errors="replace").splitlines()
    return "\n".join([line for line in lines if _REASON.match(line)] or lines)


class Child:
    """A running program; it is ended with the block, whatever happens.

    reads: whether it is fed with `write`; otherwise `output` is read. stall_seconds: it is ended when no
    byte has moved for so long. blocked: asked while none moves; why it never will, which ends it, or None.
    """

    def __init__(  # noqa: PLR0913 - what runs, and how long it may stand still
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        where: str,
        *,
        reads: bool = False,
        stall_seconds: float = 600,
        blocked: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._name, self._where, self._stall_seconds = os.path.basename(command[0]), where, stall_seconds
        self._tail = b""
        self._stalled = False
        self._blocked, self._why = blocked, ""
        self._ended = threading.Event()
        self._process = subprocess.Popen(  # noqa: S603 - a program that we found, arguments in a list
            command,
            env=dict(environment),
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._pipe: FileIO = self._process.stdin if reads else self._process.stdout  # type: ignore[assignment]
        with contextlib.suppress(OSError):  # more than this machine allows: slower, not wrong
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._moved_at = time.monotonic()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read_errors, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Killed before its input is closed: a client takes the end of its input for the end of the dump.
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._ended.set()
        self._pipe.close()
        for thread in self._threads:
            thread.join()

    def output(self) -> Iterator[bytes]:
        """Yield what it writes, the first of it at once, then in larger pieces; then check how it ended."""
        piece, filled, wanted = memoryview(bytearray(_PIECE_BYTES)), 0, 1
        while read := self._pipe.readinto(piece[filled:]):
            self._moved_at = time.monotonic()
            filled += read
            if filled >= wanted:
                yield bytes(piece[:filled])
                filled, wanted = 0, _PIECE_BYTES // 2
        if filled:
            yield bytes(piece[:filled])
        self._check()

    def write(self, data: bytes) -> None:
        """Feed it; raises what `close` raises if it has ended."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._pipe.write(view) or 0 :]
                self._moved_at = time.monotonic()
        except BrokenPipeError:
            self._check()
            raise PermanentError(f"{self._said('stopped reading before the end')}") from None

    def close(self) -> None:
        """End its input and wait until it has ended; an exit status other than 0 is an error."""
        self._moved_at = time.monotonic()
        self._pipe.close()
        self._check()

    def _check(self) -> None:
        status = self._process.wait()
        self._threads[0].join()
        if status or self._stalled or self._why:
            raise self._error(status)

    def _error(self, status: int) -> UpkeepError:
        if self._why:
            return PermanentError(self._said(f"was ended: {self._why}"))
        if self._stalled:
            return TemporaryError(
                self._said(f"moved nothing for {self._stall_seconds:g} s and was ended; a lock?")
            )
        said, lowered = self._said(f"ended with status {status}"), _reasons(self._tail).lower()
        if any(words in lowered for words in _REFUSED):
            return ConfigurationError(f"{said}; check the login, its rights and the database")
        if status < 0 or any(words in lowered for words in _LOST):
            return TemporaryError(said)
        return PermanentError(f"{said}; {FULL}" if says_full(said) else said)

    def _said(self, what: str) -> str:
        quoted = safe_excerpt(_reasons(self._tail))
        return f"{self._where}: {self._name} {what}" + (f": {quoted}" if quoted else "")

    def _read_errors(self) -> None:
        stderr: Any = self._process.stderr
        with stderr:
            while data := stderr.read(_TAIL_BYTES):
                self._tail = (self._tail + data)[-_TAIL_BYTES:]

    def _watch(self) -> None:
        asked_at = time.monotonic()
        while not self._ended.wait(min(1.0, self._stall_seconds / 4)):
            now = time.monotonic()
            if now - max(self._moved_at, asked_at) > ASK_SECONDS:
                self._why, asked_at = self._blocked() or "", now
            stalled = now - self._moved_at > self._stall_seconds
            if (self._why or stalled) and self._process.poll() is None:
                self._stalled = stalled
                self._process.kill()
                return
