"""MySQL of quikapp and of the maintenance API: two MariaDB servers, as in their guides."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import mysql.connector

from sandbox import process, programs
from sandbox.credentials import credentials, write_private
from sandbox.errors import PartFailed
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint
from sandbox.paths import private_folder, service_account
from sandbox.ports import LOOPBACK, choose_port

MAX_CONNECTIONS = 100

SMALL = (
    "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0", "--performance-schema=OFF", "--aria-pagecache-buffer-size=8M",
)  # fmt: skip
"""A few thousand rows that are made afresh at each start: small and quick, not durable."""

RESTORER = "restorer"
"""Who makes databases to restore into."""

_INITIAL = """
CREATE USER '{user}'@'%' IDENTIFIED BY '{password}';
CREATE DATABASE `{database}` CHARACTER SET utf8mb4;
GRANT ALL ON `{database}`.* TO '{user}'@'%';
GRANT PROCESS, SLAVE MONITOR, BINLOG MONITOR ON *.* TO '{user}'@'%';
GRANT SELECT ON mysql.slow_log TO '{user}'@'%';
CREATE USER '{restorer}'@'%' IDENTIFIED BY '{restoring}';
GRANT ALL ON *.* TO '{restorer}'@'%' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '{root}';
"""


@dataclass(frozen=True)
class Server:
    """One server: the part's name, its only database, and the user who owns it."""

    name: str
    database: str
    user: str

    def start(self, context: Context) -> list[Endpoint]:
        """Make the server afresh, start it, fill its database."""
        folder = context.folder
        server = programs.find("mariadbd")
        file, passwords = credentials(folder, self.name, ("root", RESTORER, self.user))
        data = folder / self.name
        shutil.rmtree(data, ignore_errors=True)
        _install(private_folder(data))
        # The passwords hold letters, digits, - and _ only, and the file is ours alone.
        initial = data / "initial.sql"
        text = _INITIAL.format(
            user=self.user, password=passwords[self.user], root=passwords["root"], database=self.database,
            restorer=RESTORER, restoring=passwords[RESTORER],
        )  # fmt: skip
        write_private(initial, text, owner=data.stat().st_uid)
        port = choose_port(folder, self.name)
        child = process.start(folder, self.name, _command(server, data, port), account=service_account())
        try:
            process.wait_until(child, lambda: self._accepts(port, passwords[self.user]))
        finally:
            initial.unlink(missing_ok=True)
        self._fill(port, passwords[self.user])
        details = {"database": self.database, "user": self.user, "max_connections": MAX_CONNECTIONS}
        return [endpoint(self.name, child, port, credentials_file=str(file), details=details)]

    def _connect(self, port: int, password: str) -> mysql.connector.MySQLConnection:
        return mysql.connector.connect(  # type: ignore[return-value]
            host=LOOPBACK, port=port, user=self.user, password=password, database=self.database,
            connection_timeout=5, autocommit=True, use_pure=True,
        )  # fmt: skip

    def _accepts(self, port: int, password: str) -> bool:
        try:
            self._connect(port, password).close()
        except mysql.connector.Error:
            return False
        return True

    def _fill(self, port: int, password: str) -> None:
        connection = self._connect(port, password)
        try:
            cursor = connection.cursor()
            for statement in (files("sandbox.seeds") / f"{self.database}.sql").read_text().split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
                    if cursor.with_rows:
                        cursor.fetchall()
        finally:
            connection.close()


def _temporary(data: Path) -> Path:
    """Return the server's folder for temporary files.

    A server clears the files of others out of its own when it starts: never /tmp.
    """
    return data.with_name(f"{data.name}.tmp")


def _install(data: Path) -> None:
    """Make an empty data folder."""
    command: list[str | Path] = [
        programs.find("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-test-db",
        "--auth-root-authentication-method=normal", "--innodb-log-file-size=8M",
        f"--tmpdir={private_folder(_temporary(data))}",
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", check=False, **process.run_as(service_account())
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise PartFailed(
            f"mariadb-install-db failed: {next((line for line in lines if 'ERROR' in line), lines[-1])}"
        )


def _command(server: Path, data: Path, port: int) -> list[str | Path]:
    return [
        server, "--no-defaults", f"--datadir={data}", "--socket=socket", f"--tmpdir={_temporary(data)}",
        f"--port={port}",
        f"--bind-address={LOOPBACK}", f"--init-file={data}/initial.sql", f"--pid-file={data}/pid",
        "--skip-name-resolve", f"--max-connections={MAX_CONNECTIONS}", "--slow-query-log=1",
        "--log-output=TABLE", "--long-query-time=0.2", *SMALL,
    ]  # fmt: skip


SERVERS = (
    Server("mysql-quikapp", "quikapp", "quikapp"),
    Server("mysql-maintenance-api", "tasks_db", "maintenance"),
)
PARTS = tuple(
    Part(names=(s.name,), costs="findings about this MySQL database are unknown", start=s.start)
    for s in SERVERS
)
