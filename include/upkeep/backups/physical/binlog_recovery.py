"""Recovery of a MariaDB to a moment: a restored dump, then the archived binary logs from its position on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from upkeep.backups.dumps.room import ASK_SECONDS, FULL, says_full, waits_for_room
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.physical.binlog_marks import claimed, mark, summary
from upkeep.backups.physical.binlog_store import BinlogStore
from upkeep.backups.physical.binlogs import Binlog, Position, read_binlog, run_from
from upkeep.backups.scratch import scratch
from upkeep.clients.answers import safe_excerpt
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class BinlogWindow:
    """The moments that can be recovered to. files: to apply, in order. missing: the gap that ends it."""

    earliest: datetime
    latest: datetime
    files: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        gap = f", where {', '.join(self.missing)} is missing" if self.missing else ""
        return f"{self.earliest.isoformat()} to {self.latest.isoformat()}{gap}"


Ends = Mapping[str, datetime | None]
"""When the newest transaction of a file was written, None without any, for the files of which it is known."""


def binlog_window(
    store: BinlogStore, base: Position, taken_at: datetime, ends: Ends | None = None
) -> BinlogWindow:
    """Return which moments a base with this position, taken then, can be brought to.

    Reads the last file, where its end is not among those that are known.

    Raises:
        PermanentError: the base's own file is not archived, or the last one is damaged.

    """
    run = run_from(store.sizes(), base.file)
    if not run.names:
        raise PermanentError(
            f"{base.file}, where the base ends, is not archived: nothing can be applied to it"
        )
    newest, known = None, ends or {}
    with scratch("upkeep-binlog-") as folder:
        for name in reversed(run.names):
            newest = known[name] if name in known else _sound(store, name, folder).newest
            if newest is not None:
                break
    latest = max(newest or taken_at, taken_at)
    return BinlogWindow(taken_at.astimezone(UTC), latest, run.names, run.missing)


def look(  # noqa: PLR0913 - what a person chooses
    store: BinlogStore,
    base: Position,
    taken_at: datetime,
    target: datetime | None = None,
    *,
    ends: Ends | None = None,
    database: str | None = None,
    run: str = "",
) -> dict[str, Any]:
    """Say what `apply` would do, as plain values, or refuse; touches nothing.

    target: to the second; what was written in that second is not in it. None: all that is archived.
    database: the only one whose changes are applied; None for all. run: whose the recovery is.

    Raises:
        PermanentError: the target is outside the window, which the message tells, or a file is missing.

    """
    if target is not None and target.tzinfo is None:
        raise ConfigurationError(f"{target.isoformat()} has no time zone: give one, such as +00:00")
    window = binlog_window(store, base, taken_at, ends)
    if target is not None and not window.earliest <= target <= window.latest:
        raise PermanentError(f"{target.isoformat()} cannot be recovered to. What can: {window}")
    sizes = store.sizes()
    files = _until(window.files, target, ends or {})
    return {
        "file": base.file,
        "offset": base.offset,
        "files": files,
        "bytes": sum(sizes[name] for name in files),
        "stop": target and target.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "database": database,
        "run": run,
    }


def apply(
    server: DatabaseServer, store: BinlogStore, plan: Mapping[str, Any], timeout_seconds: float = 6 * 3600
) -> None:
    """Apply the binary logs of a plan to a server on which the base was just restored.

    All files are examined before the first is applied. A repeat after it is done does nothing; `forget`
    makes the server ready for another, after its base was restored again.

    Raises:
        PermanentError: a file is missing or damaged, a statement failed, or an earlier attempt was stopped
            in the middle: then the base must be restored again.
        TemporaryError: it takes longer than allowed.

    """
    state = claimed(server, plan)
    if state == "done":
        return
    if state == "begun":
        raise PermanentError(
            f"{server.where} has part of a recovery ({summary(plan)}): "
            "restore the base again, then forget the mark"
        )
    with scratch("upkeep-binlog-") as folder:
        room = shutil.disk_usage(folder).free
        if room < plan["bytes"]:
            raise PermanentError(f"{folder.parent} has {room:,} bytes free, {plan['bytes']:,} are needed")
        files = [folder / _sound(store, file, folder, keep=True).name for file in plan["files"]]
        mark(server, plan, "begun")
        _pipe(server, plan, files, timeout_seconds)
    mark(server, plan, "done")


def _sound(store: BinlogStore, name: str, folder: Path, *, keep: bool = False) -> Binlog:
    """Return what an archived file holds; PermanentError where it is damaged."""
    path = store.get(name, folder)
    found = read_binlog(path)
    if not keep:
        path.unlink()
    if found.problems or not found.closed:
        why = (*found.problems, f"{name} is cut off at its end")[0]
        raise PermanentError(f"the archived binary log cannot be applied: {why}")
    return found


def _until(files: Sequence[str], target: datetime | None, ends: Ends) -> list[str]:
    """Return the files up to the first that is known to go on to the target."""
    for number, name in enumerate(files, start=1):
        if target is not None and (end := ends.get(name)) is not None and end >= target:
            return list(files[:number])
    return list(files)


def _pipe(server: DatabaseServer, plan: Mapping[str, Any], files: list[Path], timeout_seconds: float) -> None:
    """Run mariadb-binlog into mariadb. Times are UTC: the tool takes those of its machine."""
    reading = [
        "mariadb-binlog", "--no-defaults", "--disable-log-bin", f"--start-position={plan['offset']}",
        *([f"--stop-datetime={plan['stop']}"] if plan["stop"] else []),
        *([f"--database={plan['database']}"] if plan["database"] else []), *map(str, files),
    ]  # fmt: skip
    environment = {**server.environment(), "TZ": "UTC"}
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as also:
        reader = _start(reading, environment, subprocess.DEVNULL, subprocess.PIPE, also)
        writer = _start(
            ["mariadb", *server.arguments(), "--binary-mode", server.database],
            environment,
            reader.stdout,
            said,
            said,
        )
        reader.stdout.close()
        try:
            _ended([reader, writer], timeout_seconds, server, plan)
        finally:
            for process in (reader, writer):
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()
        for process, file in ((writer, said), (reader, also)):
            if process.returncode != 0:
                file.seek(0)
                raise _half_way(server, plan, _said(file))


def _half_way(server: DatabaseServer, plan: Mapping[str, Any], said: str) -> PermanentError:
    full = f"; {FULL}" if says_full(said) else ""
    return PermanentError(
        f"{server.where}: applying {summary(plan)} failed and the server is half way: {said}{full}; "
        "restore the base again"
    )


def _said(file: IO[str]) -> str:
    """Return the errors that a program wrote, and not the statements before them, which hold rows."""
    errors = [line for line in file if line.startswith("ERROR")]
    return safe_excerpt(" ".join(errors)) or "no message"


def _start(command: list[str], environment: Mapping[str, str], source: Any, to: Any, errors: IO[str]) -> Any:
    try:
        return subprocess.Popen(  # noqa: S603 - no shell
            ["setpriv", "--pdeathsig", "KILL", "--", *command],  # noqa: S607
            stdin=source, stdout=to, stderr=errors, env=dict(environment), cwd=os.sep,
        )  # fmt: skip
    except OSError as e:
        raise ConfigurationError(f"{command[0]} cannot be started: {e.strerror}") from e


def _ended(
    processes: list[Any], timeout_seconds: float, server: DatabaseServer, plan: Mapping[str, Any]
) -> None:
    until, ask_at = time.monotonic() + timeout_seconds, time.monotonic() + ASK_SECONDS
    while any(process.poll() is None for process in processes):
        if time.monotonic() > ask_at:
            ask_at += ASK_SECONDS
            if why := waits_for_room(server):
                raise _half_way(server, plan, why)
        if time.monotonic() > until:
            raise TemporaryError(
                f"{server.where}: binary logs were not applied within {timeout_seconds:.0f} s; "
                "restore the base again and allow more time"
            )
        time.sleep(POLL_SECONDS)
