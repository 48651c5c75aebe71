"""A PostgreSQL cluster of the sandbox: made, started, and given databases."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from sandbox import process, programs
from sandbox.credentials import credentials, write_private
from sandbox.errors import PartFailed
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, endpoint
from sandbox.paths import private_folder, service_account
from sandbox.ports import LOOPBACK, choose_port

SUPERUSER = "postgres"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What a cluster holds. databases: name to owner. settings: server settings of its own.

    durable: whether its data outlives a stop; if not, it is made afresh at each start.
    """

    name: str
    databases: Mapping[str, str]
    settings: Mapping[str, str]
    durable: bool

    def start(self, context: Context) -> Endpoint:
        """Start the server, and make the databases that it lacks."""
        folder = context.folder
        binaries = programs.postgres_folder(folder / "programs")
        owners = tuple(dict.fromkeys(self.databases.values()))
        file, passwords = credentials(folder, self.name, (SUPERUSER, *owners))
        data = folder / self.name
        if not self.durable:
            shutil.rmtree(data, ignore_errors=True)
        if not (data / "PG_VERSION").exists():
            self._initialise(folder, binaries, passwords[SUPERUSER])
        port = choose_port(folder, self.name)
        settings = dict(self.settings)
        statistics = programs.has_statement_statistics(binaries)
        if statistics:
            settings["shared_preload_libraries"] = "pg_stat_statements"
        child = process.start(
            folder, self.name, _command(binaries, data, port, settings),
            account=service_account(), stop_signal=signal.SIGINT,
        )  # fmt: skip
        process.wait_until(child, lambda: _accepts(port, passwords[SUPERUSER]))
        with connection(port, SUPERUSER, passwords[SUPERUSER], "postgres") as admin:
            _make_databases(admin, self.databases, passwords)
        why = None if statistics else "pg_stat_statements is not installed: slow-query findings are unknown"
        details = {"databases": dict(self.databases), "statement_statistics": statistics}
        return endpoint(self.name, child, port, credentials_file=str(file), why=why, details=details)

    def _initialise(self, folder: Path, binaries: Path, password: str) -> None:
        """Make an empty cluster that asks everybody for a password; half a one is never left behind."""
        draft = folder / f"{self.name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        account = service_account()
        secret = folder / f"{self.name}.initial"
        write_private(secret, password, owner=account.pw_uid if account else None)
        command: list[str | Path] = [
            binaries / "initdb", "--pgdata", private_folder(draft), "--username", SUPERUSER,
            "--auth", "scram-sha-256", "--pwfile", secret, "--encoding", "UTF8", "--locale", "C",
            "--no-instructions", *([] if self.durable else ["--no-sync"]),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, cwd="/", check=False, **process.run_as(account)
            )
        except OSError as e:
            raise PartFailed(f"initdb cannot be started: {e.strerror}") from e
        finally:
            secret.unlink(missing_ok=True)
        if done.returncode:
            raise PartFailed(f"initdb failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        draft.rename(folder / self.name)


@contextlib.contextmanager
def connection(port: int, user: str, password: str, database: str) -> Iterator[Any]:
    """Open a connection in autocommit mode and close it at the end."""
    opened = psycopg2.connect(
        host=LOOPBACK, port=port, user=user, password=password, dbname=database, connect_timeout=5
    )
    opened.autocommit = True
    try:
        yield opened
    finally:
        opened.close()


def _command(binaries: Path, data: Path, port: int, settings: Mapping[str, str]) -> list[str | Path]:
    every = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": "", **settings}
    options = [word for name, value in every.items() for word in ("-c", f"{name}={value}")]
    return [binaries / "postgres", "-D", data, *options]


def _accepts(port: int, password: str) -> bool:
    try:
        with connection(port, SUPERUSER, password, "postgres"):
            return True
    except psycopg2.OperationalError as e:
        if "password authentication failed" in str(e):
            raise PartFailed(
                "its data and the passwords in `credentials` do not belong together: remove its data folder"
            ) from e
        return False


def _make_databases(admin: Any, databases: Mapping[str, str], passwords: Mapping[str, str]) -> None:
    """Make the roles and databases that do not exist.

    Roles get a verifier made here, so that no statement ever contains a password.
    """
    with admin.cursor() as cursor:
        for database, owner in databases.items():
            verifier = psycopg2.extensions.encrypt_password(passwords[owner], owner, admin, "scram-sha-256")
            role, name = sql.Identifier(owner), sql.Identifier(database)
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (owner,))
            verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
            cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(verb, role), (verifier,))
            cursor.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
