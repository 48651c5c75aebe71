"""Archives MariaDB's binary logs: what the server has finished, each file once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.physical.binlog_store import BinlogStore
from upkeep.backups.physical.binlogs import Binlog, Position, read_binlog, run_from
from upkeep.backups.running import How, run
from upkeep.backups.scratch import scratch
from upkeep.clients.answers import safe_excerpt
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

_TEMPORARY = ("Can't connect", "Lost connection", "Too many connections", "server has gone away")


@dataclass(frozen=True)
class Archived:
    """What was done. new: files archived now; read: what is in them.

    missing: files that are in no place any more, the first gap.
    """

    new: tuple[str, ...]
    read: tuple[Binlog, ...] = ()
    missing: tuple[str, ...] = ()


def archive_binlogs(
    server: DatabaseServer, store: BinlogStore, *, close: bool = True, timeout_seconds: float = 3600
) -> Archived:
    """Archive the finished binary logs that are not there yet, oldest first; the server keeps its own.

    close: have the server begin a new file first, so that all up to now is archived (needs RELOAD). Each
    file is read to its end before it counts. A repeat after a kill goes on. Needs REPLICATION SLAVE and
    BINLOG MONITOR (MySQL: REPLICATION CLIENT).

    Raises:
        ConfigurationError: the server writes no binary log, or the rights are missing.
        PermanentError: a file is damaged as the server sent it, cannot be written, or another one of its
            name is archived.
        TemporaryError: the server cannot be reached, or it takes too long.

    """
    there = _on_server(server, close=close)
    have = store.sizes()
    for name, size in there[:-1]:
        if have.get(name, size) != size:
            raise PermanentError(
                f"{server.where}: {name} has {size:,} bytes and is archived with {have[name]:,}: the binary "
                "log has begun anew; archive it to another place"
            )
    wanted = [name for name, _ in there[:-1] if name not in have]
    read = []
    with scratch("upkeep-binlog-") as folder:
        for name in wanted:
            path = _fetch(server, name, folder, timeout_seconds)
            found = read_binlog(path, server.database)
            if found.problems or not found.closed:
                why = found.problems[0] if found.problems else f"{name} has no end"
                raise PermanentError(f"{server.where}: {why}; nothing of it was archived")
            store.put(path)
            path.unlink()
            read.append(found)
    everything = {*have, *(name for name, _ in there)}
    oldest = min((name for name in everything if _follows(name, there[-1][0])), default=there[-1][0])
    return Archived(tuple(wanted), tuple(read), run_from(everything, oldest).missing)


def position(server: DatabaseServer) -> Position:
    """Return where the server's binary log is now."""
    with server.session() as session:
        rows = session.run("SHOW MASTER STATUS")
    if not rows:
        raise ConfigurationError(f"{server.where}: it writes no binary log: set log_bin")
    return Position(str(rows[0][0]), int(rows[0][1]))


def _on_server(server: DatabaseServer, *, close: bool) -> list[tuple[str, int]]:
    """Return the server's files and their sizes, oldest first; it writes the last."""
    position(server)
    with server.session() as session:
        if close:
            session.run("FLUSH BINARY LOGS")
        return [(str(row[0]), int(row[1])) for row in session.run("SHOW BINARY LOGS")]


def _fetch(server: DatabaseServer, name: str, folder: Path, timeout_seconds: float) -> Path:
    words = ("--read-from-remote-server", "--raw", f"--result-file={folder}/", name)
    how = How(environment=server.environment(), timeout_seconds=timeout_seconds)
    ended = run(["mariadb-binlog", *server.arguments(), *words], how)
    if ended.status != 0:
        kind = TemporaryError if any(word in ended.errors for word in _TEMPORARY) else PermanentError
        raise kind(f"{server.where}: {name} cannot be read: {safe_excerpt(ended.errors) or 'no message'}")
    return folder / name


def _follows(name: str, other: str) -> bool:
    """Whether two files are of the same sequence."""
    return name.rpartition(".")[0] == other.rpartition(".")[0]
