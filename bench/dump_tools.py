"""What a shell script does: the bare tools in a pipe, and boto3's own upload and download of a stream."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import IO, Any

from upkeep.backups.dumps import DatabaseServer, programs

PIECE_BYTES = 1024**2
_MARIADB_DUMP = ("--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob")


def backup(server: DatabaseServer, client: Any, bucket: str, key: str) -> None:
    """Dump, compress and upload; the same format and level as ours."""
    with _pipe(_dump(server), server, subprocess.DEVNULL) as started:
        client.upload_fileobj(started[-1].stdout, bucket, key)


def restore(target: DatabaseServer, client: Any, bucket: str, key: str) -> None:
    """Download into the program, which reads it from a pipe; `target` is there and empty."""
    with _pipe(_load(target), target, subprocess.PIPE) as started:
        first = started[0].stdin
        assert first is not None
        with first:
            shutil.copyfileobj(client.get_object(Bucket=bucket, Key=key)["Body"], first, PIECE_BYTES)


def _dump(server: DatabaseServer) -> list[list[str]]:
    if server.engine == "mysql":
        program = programs.find("mariadb-dump").path
        return [[program, *server.arguments(), *_MARIADB_DUMP, server.database], ["zstd", "-q", "-3", "-c"]]
    program = programs.find("pg_dump")
    compression = "zstd:3" if program.version >= (16, 0) else "6"
    options = ["--format=custom", f"--compress={compression}"]
    return [[program.path, *options, *server.arguments(), server.database]]


def _load(target: DatabaseServer) -> list[list[str]]:
    if target.engine == "mysql":
        mariadb = programs.find("mariadb").path
        return [["zstd", "-q", "-d", "-c"], [mariadb, *target.arguments(), target.database]]
    options = ["--no-owner", "--exit-on-error", f"--dbname={target.database}"]
    return [[programs.find("pg_restore").path, *target.arguments(), *options]]


@contextlib.contextmanager
def _pipe(
    commands: Sequence[Sequence[str]], server: DatabaseServer, stdin: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run them, each reading the one before; then every exit status must be 0."""
    started: list[subprocess.Popen[bytes]] = []
    feeds = stdin == subprocess.PIPE
    for command in commands:
        source: int | IO[bytes] | None = started[-1].stdout if started else stdin
        last_of_all = feeds and command is commands[-1]
        started.append(
            subprocess.Popen(
                command,
                stdin=source,
                stdout=subprocess.DEVNULL if last_of_all else subprocess.PIPE,
                env=server.environment(),
            )
        )
        if len(started) > 1 and (given := started[-2].stdout) is not None:
            given.close()
    yield started
    for one in started:
        if one.stdout is not None:
            one.stdout.close()
    if any(one.wait() for one in started):
        raise RuntimeError(f"{commands[0][0]} failed")
