"""Dumps to S3 and restores from there, against the bare tools on the same databases and files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3

from bench.rows import Row, ratio
from sandbox import process
from sandbox.parts import mariadb, postgres
from sandbox.parts.model import Context
from sandbox.paths import CHECKOUT
from upkeep.backups.dumps import DatabaseServer, MySqlDump, PostgresDump, programs
from upkeep.backups.dumps.dump import Dump
from upkeep.backups.dumps.marks import databases
from upkeep.backups.dumps.restore import restore_dump
from upkeep.clients.aws import client_config

MEGABYTES = int(os.environ.get("BENCH_DUMP_MEGABYTES", "1000"))
"""Of rows, in each database."""

FEW_MEGABYTES = 50
"""The dump that memory is compared with."""

ROUNDS = 3
TARGET = 1.1
MEMORY_TARGET = 1.25
BUCKET = "bench"
PADDING = 400
"""Bytes of a row that compress to about half, as text does."""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows; the databases' user cannot enter `folder`, so they run in one of their own."""
    del folder
    with _servers() as (servers, url):
        client = _client(url)
        client.create_bucket(Bucket=BUCKET)
        backups, restores = {}, {}
        for server in servers:
            _fill(server, MEGABYTES)
            backups[server.engine] = _backup(server, client)
            restores[server.engine] = _restore(server, client)
        yield _worst("backup.dump", backups)
        yield _worst("restore.drill", restores)
        yield from (_memory(server, url) for server in servers)


def _worst(name: str, found: dict[str, float]) -> Row:
    note = ", ".join(f"{engine} {value:.2f}" for engine, value in found.items())
    return Row(name, max(found.values()), "x bare tools", TARGET, f"{note}; {MEGABYTES} MB of rows")


def _backup(server: DatabaseServer, client: Any) -> float:
    method = _method(server, client)

    def ours() -> float:
        return _timed(lambda: method.make("ours"), lambda: method.delete(list(method.copies())))

    def bare() -> float:
        return _timed(lambda: _bare_backup(server, client), lambda: _forget(client, "bare"))

    return ratio(ours, bare, ROUNDS)


def _restore(server: DatabaseServer, client: Any) -> float:
    method, target = _method(server, client), server.at("restored")
    copy = method.make("ours")
    key = copy.reference.split("/", 3)[3]

    def ours() -> float:
        return _timed(lambda: restore_dump(client, copy, target), lambda: databases(server).drop("restored"))

    def bare() -> float:
        databases(server).create("restored", copy.facts)
        return _timed(lambda: _bare_restore(target, client, key), lambda: databases(server).drop("restored"))

    found = ratio(ours, bare, ROUNDS)
    method.delete([copy])
    return found


def _timed(act: Callable[[], object], clean: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    taken = time.perf_counter() - started
    clean()
    return taken


def _bare_backup(server: DatabaseServer, client: Any) -> None:
    """Do what a shell script does: the dump, zstd, and boto3's own upload of a stream."""
    end = [*server.arguments(), server.database]
    if server.engine == "postgres":
        compression = "zstd:3" if programs.find("pg_dump").version >= (16, 0) else "6"
        commands = [[programs.find("pg_dump").path, "--format=custom", f"--compress={compression}", *end]]
    else:
        options = ["--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob"]
        dump = [programs.find("mariadb-dump").path, *server.arguments(), *options, server.database]
        commands = [dump, ["zstd", "-q", "-3", "-c"]]
    with _pipeline(commands, server) as output:
        client.upload_fileobj(output, BUCKET, "bare")


def _bare_restore(target: DatabaseServer, client: Any, key: str) -> None:
    """The same file by the bare tools: a stream of S3 into a pipe."""
    end = programs.find("mariadb" if target.engine == "mysql" else "pg_restore").path
    if target.engine == "mysql":
        commands = [["zstd", "-q", "-d", "-c"], [end, *target.arguments(), target.database]]
    else:
        commands = [
            [end, *target.arguments(), "--no-owner", "--exit-on-error", f"--dbname={target.database}"]
        ]
    started: list[subprocess.Popen[bytes]] = []
    for command in commands:
        last = command is commands[-1]
        started.append(
            subprocess.Popen(
                command,
                stdin=started[-1].stdout if started else subprocess.PIPE,
                stdout=None if last else subprocess.PIPE,
                env=target.environment(),
            )
        )
    first = started[0].stdin
    assert first is not None
    with first:
        shutil.copyfileobj(client.get_object(Bucket=BUCKET, Key=key)["Body"], first, 1024**2)
    for one in started[:-1]:
        assert one.stdout is not None
        one.stdout.close()
    if any(one.wait() for one in started):
        raise RuntimeError(f"{commands[-1][0]} failed")


@contextlib.contextmanager
def _pipeline(commands: list[list[str]], server: DatabaseServer) -> Iterator[Any]:
    started: list[subprocess.Popen[bytes]] = []
    for command in commands:
        source = started[-1].stdout if started else subprocess.DEVNULL
        started.append(
            subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, env=server.environment())
        )
    yield started[-1].stdout
    for one in started:
        assert one.stdout is not None
        one.stdout.close()
    if any(one.wait() for one in started):
        raise RuntimeError(f"{commands[0][0]} failed")


_PEAK = """
import json, resource, sys
from bench.dumps import memory_dump
memory_dump(json.load(sys.stdin))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory_dump(told: dict[str, Any]) -> None:
    """Dump and restore in a process of its own, whose memory is measured."""
    server, client = DatabaseServer(**told["server"]), _client(told["url"])
    method = _method(server, client)
    copy = method.make("memory")
    restore_dump(client, copy, server.at("restored"))
    method.delete([copy])


def _memory(server: DatabaseServer, url: str) -> Row:
    from dataclasses import asdict

    def peak() -> int:
        done = subprocess.run(
            [sys.executable, "-c", _PEAK], input=json.dumps({"server": asdict(server), "url": url}),
            capture_output=True, text=True, check=True, cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": f"{CHECKOUT / 'include'}:{CHECKOUT}"},
        )  # fmt: skip
        databases(server).drop("restored")
        return int(done.stdout)

    many = peak()
    _fill(server, FEW_MEGABYTES)
    few = peak()
    note = f"{many / 1024:.0f} MiB for {MEGABYTES} MB, {few / 1024:.0f} MiB for {FEW_MEGABYTES} MB"
    name = f"dump.memory.{server.engine}"
    return Row(name, many / few, f"x a dump of {FEW_MEGABYTES} MB", MEMORY_TARGET, note)


def _method(server: DatabaseServer, client: Any) -> Dump:
    method = MySqlDump if server.engine == "mysql" else PostgresDump
    return method(server=server, client=client, bucket=BUCKET, prefix=f"{server.engine}/", encryption="none")


def _client(url: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="bench",
        aws_secret_access_key="bench", config=client_config(120),
    )  # fmt: skip


def _forget(client: Any, key: str) -> None:
    client.delete_object(Bucket=BUCKET, Key=key)


def _fill(server: DatabaseServer, megabytes: int) -> None:
    """Make the database anew: two tables with indexes, their rows half noise and half text."""
    those = databases(server)
    those.drop(server.database)
    those.create(server.database, {})
    number = megabytes * 1024**2 // (PADDING + 30)
    kind = "int" if server.engine == "postgres" else "INT"
    with server.session(1800) as session:
        session.run(f"CREATE TABLE events (id {kind} PRIMARY KEY, owner {kind} NOT NULL, note TEXT NOT NULL)")
        for start in range(0, number, 5000):
            values = ",".join(
                f"({n},{n % 977},'{_note(n)}')" for n in range(start, min(start + 5000, number))
            )
            session.run(f"INSERT INTO events VALUES {values}")
        session.run("CREATE INDEX events_owner ON events (owner)")


def _note(number: int) -> str:
    noise = "".join(hashlib.sha256(f"{number}-{n}".encode()).hexdigest() for n in range(3))
    return (noise + "the quick brown fox jumps over the lazy dog " * 5)[:PADDING]


@contextlib.contextmanager
def _servers() -> Iterator[tuple[list[DatabaseServer], str]]:
    """Run MariaDB, PostgreSQL and moto's S3, each a process of its own."""
    import mysql.connector

    folder = Path(tempfile.mkdtemp(prefix="upkeep-bench-dumps-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        part = mariadb.SERVERS[1]
        ours, theirs = part.start(Context(folder=folder))[0], postgres.start(Context(folder=folder))[0]
        secrets = [json.loads(Path(str(one.credentials_file)).read_text()) for one in (ours, theirs)]
        with contextlib.closing(
            mysql.connector.connect(
                unix_socket=str(folder / part.name / "socket"), user="root", password=secrets[0]["root"],
                use_pure=True,
            )
        ) as root, contextlib.closing(root.cursor()) as cursor:  # fmt: skip
            cursor.execute(f"GRANT ALL ON *.* TO '{part.user}'@'%'")
            cursor.execute("SET GLOBAL innodb_buffer_pool_size = 256 * 1024 * 1024")
            cursor.execute("SET GLOBAL innodb_log_file_size = 256 * 1024 * 1024")
            cursor.execute("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024")
        servers = [
            DatabaseServer("mysql", "127.0.0.1", ours.port or 0, part.user, secrets[0][part.user], "bench"),
            DatabaseServer(
                "postgres", "127.0.0.1", theirs.port or 0, "postgres", secrets[1]["postgres"], "bench"
            ),
        ]
        with _moto(folder) as url:
            yield servers, url
    finally:
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _moto(folder: Path) -> Iterator[str]:
    port = 24099
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "moto.log").open("wb"),
    )
    client = _client(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                client.list_buckets()
                break
            except Exception:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
