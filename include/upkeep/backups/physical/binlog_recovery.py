"""Recovery of a MariaDB to a moment: a restored dump, then the archived binary logs from its position on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.physical.binlog_store import BinlogStore
from upkeep.backups.physical.binlogs import Binlog, Position, read_binlog, run_from
from upkeep.clients.answers import safe_excerpt
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

MARK = "upkeep_recovery"
"""A database on the recovered server that says what was applied there."""
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


def binlog_window(store: BinlogStore, base: Position, taken_at: datetime) -> BinlogWindow:
    """Return which moments a base with this position, taken then, can be brought to; reads the last file.

    Raises:
        PermanentError: the base's own file is not archived, or the last one is damaged.

    """
    run = run_from(store.sizes(), base.file)
    if not run.names:
        raise PermanentError(
            f"{base.file}, where the base ends, is not archived: nothing can be applied to it"
        )
    newest = None
    with tempfile.TemporaryDirectory(prefix="upkeep-binlog-") as folder:
        for name in reversed(run.names):
            newest = _sound(store, name, Path(folder)).newest
            if newest is not None:
                break
    latest = max(newest or taken_at, taken_at)
    return BinlogWindow(taken_at.astimezone(UTC), latest, run.names, run.missing)


def look(
    store: BinlogStore, base: Position, taken_at: datetime, target: datetime | None = None
) -> dict[str, Any]:
    """Say what `apply` would do, as plain values, or refuse; touches nothing.

    target: to the second; what was written in that second is not in it. None: all that is archived.

    Raises:
        PermanentError: the target is outside the window, which the message tells, or a file is missing.

    """
    if target is not None and target.tzinfo is None:
        raise ConfigurationError(f"{target.isoformat()} has no time zone: give one, such as +00:00")
    window = binlog_window(store, base, taken_at)
    if target is not None and not window.earliest <= target <= window.latest:
        raise PermanentError(f"{target.isoformat()} cannot be recovered to. What can: {window}")
    sizes = store.sizes()
    return {
        "file": base.file,
        "offset": base.offset,
        "files": list(window.files),
        "bytes": sum(sizes[name] for name in window.files),
        "stop": target and target.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
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
    if _begun(server, plan):
        return
    with tempfile.TemporaryDirectory(prefix="upkeep-binlog-") as name:
        folder = Path(name)
        room = shutil.disk_usage(folder).free
        if room < plan["bytes"]:
            raise PermanentError(f"{folder.parent} has {room:,} bytes free, {plan['bytes']:,} are needed")
        files = [folder / _sound(store, file, folder, keep=True).name for file in plan["files"]]
        _mark(server, plan, "begun")
        _pipe(server, plan, files, timeout_seconds)
    _mark(server, plan, "done")


def forget(server: DatabaseServer) -> None:
    """Remove the mark of a recovery from the server; none is no error."""
    with server.session() as session:
        session.run(f"DROP DATABASE IF EXISTS {MARK}")


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


def _begun(server: DatabaseServer, plan: Mapping[str, Any]) -> bool:
    """Return whether the plan is applied already; refuse where something was begun and not ended."""
    with server.session() as session:
        there = session.value("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", (MARK,))
        rows = session.run(f"SELECT state, plan FROM {MARK}.applied") if there else []  # noqa: S608 - ours
    if not rows:
        return False
    if rows[-1] == ("done", _summary(plan)):
        return True
    raise PermanentError(
        f"{server.where} has part of a recovery ({rows[-1][1]}, {rows[-1][0]}): "
        "restore the base again, then forget the mark"
    )


def _mark(server: DatabaseServer, plan: Mapping[str, Any], state: str) -> None:
    with server.session() as session:
        session.run(f"CREATE DATABASE IF NOT EXISTS {MARK}")
        session.run(
            f"CREATE TABLE IF NOT EXISTS {MARK}.applied "
            "(one INT PRIMARY KEY, state VARCHAR(10) NOT NULL, plan VARCHAR(200) NOT NULL)"
        )
        session.run(f"REPLACE INTO {MARK}.applied VALUES (1, %s, %s)", (state, _summary(plan)))  # noqa: S608


def _summary(plan: Mapping[str, Any]) -> str:
    return f"{plan['file']}:{plan['offset']} to {plan['stop'] or plan['files'][-1]}"


def _pipe(server: DatabaseServer, plan: Mapping[str, Any], files: list[Path], timeout_seconds: float) -> None:
    """Run mariadb-binlog into mariadb. Times are UTC: the tool takes those of its machine."""
    reading = [
        "mariadb-binlog", "--no-defaults", "--disable-log-bin", f"--start-position={plan['offset']}",
        *([f"--stop-datetime={plan['stop']}"] if plan["stop"] else []), *map(str, files),
    ]  # fmt: skip
    environment = {**server.environment(), "TZ": "UTC"}
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as also:
        reader = _start(reading, environment, subprocess.DEVNULL, subprocess.PIPE, also)
        writer = _start(
            ["mariadb", *server.arguments(), "--binary-mode"], environment, reader.stdout, said, said
        )
        reader.stdout.close()
        try:
            _ended([reader, writer], timeout_seconds, server)
        finally:
            for process in (reader, writer):
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()
        for process, file in ((writer, said), (reader, also)):
            if process.returncode != 0:
                file.seek(0)
                raise PermanentError(
                    f"{server.where}: applying {_summary(plan)} failed and the server is half way: "
                    f"{safe_excerpt(file.read(4096)) or 'no message'}; restore the base again"
                )


def _start(command: list[str], environment: Mapping[str, str], source: Any, to: Any, errors: IO[str]) -> Any:
    try:
        return subprocess.Popen(  # noqa: S603 - no shell
            ["setpriv", "--pdeathsig", "KILL", "--", *command],  # noqa: S607
            stdin=source, stdout=to, stderr=errors, env=dict(environment), cwd=os.sep,
        )  # fmt: skip
    except OSError as e:
        raise ConfigurationError(f"{command[0]} cannot be started: {e.strerror}") from e


def _ended(processes: list[Any], timeout_seconds: float, server: DatabaseServer) -> None:
    until = time.monotonic() + timeout_seconds
    while any(process.poll() is None for process in processes):
        if time.monotonic() > until:
            raise TemporaryError(
                f"{server.where}: binary logs were not applied within {timeout_seconds:.0f} s; "
                "restore the base again and allow more time"
            )
        time.sleep(POLL_SECONDS)
