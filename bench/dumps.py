"""Dumps to S3 and restores from there, against the bare tools on the same databases and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import dump_tools
from bench.dump_servers import client, fill, servers
from bench.rows import Row, ratio
from sandbox.memory import peak_kib
from sandbox.paths import CHECKOUT
from upkeep.backups.dumps import DatabaseServer, MySqlDump, PostgresDump
from upkeep.backups.dumps.dump import Dump
from upkeep.backups.dumps.manifest import SUFFIX, split
from upkeep.backups.dumps.marks import databases
from upkeep.backups.dumps.restore import restore_dump
from upkeep.backups.model import Copy

MEGABYTES = int(os.environ.get("BENCH_DUMP_MEGABYTES", "1000"))
"""Of rows, in each database."""

FEW_MEGABYTES = 100
"""The dump that memory is compared with: it already fills every part that is on its way at once."""

ROUNDS = 3
TARGET = 1.1
MEMORY_TARGET = 1.15
BUCKET = "bench"


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows; `folder` is not used, for the databases' user cannot enter it."""
    del folder
    with servers() as (found, url):
        s3 = client(url)
        backups, restores = {}, {}
        for server in found:
            fill(server, MEGABYTES)
            backups[server.engine] = _backup(server, s3)
            restores[server.engine] = _restore(server, s3)
        yield _worst("backup.dump", backups)
        yield _worst("restore.drill", restores)
        yield from [row for server in found for row in _memory(server, url)]


def method(server: DatabaseServer, s3: Any) -> Dump:
    """Return the dumps of a server's database, as they are measured."""
    kind = MySqlDump if server.engine == "mysql" else PostgresDump
    return kind(server=server, client=s3, bucket=BUCKET, prefix=f"{server.engine}/", encryption="none")


def _worst(name: str, found: dict[str, float]) -> Row:
    note = ", ".join(f"{engine} {value:.2f}" for engine, value in found.items())
    return Row(name, max(found.values()), "x bare tools", TARGET, f"{note}; {MEGABYTES} MB of rows")


def _backup(server: DatabaseServer, s3: Any) -> float:
    dumps = method(server, s3)

    def ours() -> float:
        return _timed(lambda: dumps.make("ours"), lambda: _forget(s3, dumps.find("ours")))

    def bare() -> float:
        return _timed(
            lambda: dump_tools.backup(server, s3, BUCKET, "bare"),
            lambda: s3.delete_object(Bucket=BUCKET, Key="bare"),
        )

    return ratio(ours, bare, ROUNDS)


def _restore(server: DatabaseServer, s3: Any) -> float:
    target, copy = server.at("restored"), method(server, s3).make("ours")
    those, key = databases(server), split(copy.reference)[1]

    def drop() -> None:
        those.drop(target.database)
        if server.engine == "postgres":
            with server.session() as session:
                session.run("CHECKPOINT")  # what one round wrote must not burden the next

    def ours() -> float:
        return _timed(lambda: restore_dump(s3, copy, target), drop)

    def bare() -> float:
        def restore() -> None:
            those.create(target.database, copy.facts)  # a person has to make it too
            dump_tools.restore(target, s3, BUCKET, key)

        return _timed(restore, drop)

    found = ratio(ours, bare, ROUNDS)
    _forget(s3, copy)
    return found


def _timed(act: Callable[[], object], clean: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    taken = time.perf_counter() - started
    clean()
    return taken


def _forget(s3: Any, copy: Copy | None) -> None:
    assert copy is not None
    key = split(copy.reference)[1]
    for each in (key, key + SUFFIX):
        s3.delete_object(Bucket=BUCKET, Key=each)


_PEAK = """
import json, sys
from bench.dumps import measured
print(measured(**json.load(sys.stdin)))
"""


def measured(act: str, server: dict[str, Any], url: str) -> int:
    """Dump or restore; return the peak resident memory of this process, in KiB."""
    source, s3 = DatabaseServer(**server), client(url)
    dumps = method(source, s3)
    if act == "backup.dump":
        dumps.make("memory")
    else:
        copy = dumps.find("memory")
        assert copy is not None
        restore_dump(s3, copy, source.at("restored"))
    return peak_kib()


def _memory(server: DatabaseServer, url: str) -> Iterator[Row]:
    """Yield how much more memory the larger dump takes, and its restore."""
    many, few = (_peaks(server, url, megabytes) for megabytes in (MEGABYTES, FEW_MEGABYTES))
    for act, peak in many.items():
        note = f"{peak:.0f} MiB for {MEGABYTES} MB, {few[act]:.0f} MiB for {FEW_MEGABYTES} MB"
        name = f"{act}.memory {server.engine}"
        yield Row(name, peak / few[act], f"x one of {FEW_MEGABYTES} MB", MEMORY_TARGET, note)


def _peaks(server: DatabaseServer, url: str, megabytes: int) -> dict[str, float]:
    """Return the peak memory, in MiB, of the process that dumps so much, and of that which restores it."""
    fill(server, megabytes)
    found = {act: _peak_kib(act, server, url) / 1024 for act in ("backup.dump", "restore.drill")}
    databases(server).drop("restored")
    s3 = client(url)
    _forget(s3, method(server, s3).find("memory"))
    return found


def _peak_kib(act: str, server: DatabaseServer, url: str) -> int:
    told = {"act": act, "server": asdict(server), "url": url}
    done = subprocess.run(
        [sys.executable, "-c", _PEAK], input=json.dumps(told), capture_output=True, text=True, check=True,
        cwd=CHECKOUT, env=os.environ | {"PYTHONPATH": f"{CHECKOUT / 'include'}:{CHECKOUT}"},
    )  # fmt: skip
    return int(done.stdout)
