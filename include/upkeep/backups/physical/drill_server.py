"""A restored PostgreSQL beside the real one: reached through its own folder only, archiving nothing."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upkeep.backups.physical.stanza import Stanza
from upkeep.clients.answers import safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError

POLL_SECONDS = 0.2
START_SECONDS = 15
"""How long a server may need until its process is there."""
SOCKET_LENGTH = 90
"""Characters of a folder in which PostgreSQL can still make its socket."""

_SETTINGS = {
    "listen_addresses": "",
    "hot_standby": "on",
    "archive_mode": "off",
    "archive_command": "",
    "archive_library": "",
    "primary_conninfo": "",
    "shared_preload_libraries": "",
    "max_logical_replication_workers": "0",
    "logging_collector": "off",
    "log_destination": "stderr",
    "external_pid_file": "",
    "ssl": "off",
    "cluster_name": "upkeep-drill",
}
"""Stronger than what the restored cluster has in its files: it must not archive, subscribe or listen."""

_CONTROL = {
    "max_connections": "max_connections setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_wal_senders": "max_wal_senders setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
}
"""Settings that WAL needs as large as the source had them, and how pg_controldata calls them."""

_STATE = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() ELSE '' END,
       pg_last_xact_replay_timestamp(),
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text
"""


@dataclass(frozen=True)
class Reached:
    """Where recovery came to.

    at: of the last transaction that is in it, None if none was replayed; of the one before it where the aim
    was a place in the WAL, for PostgreSQL notes the time after it has stopped.
    """

    at: datetime | None
    lsn: str
    promoted: bool


@dataclass(frozen=True, kw_only=True)
class DrillServer:
    """The cluster that `recovery.restore` put into a folder. superuser: of the restored cluster.

    settings: its own, for what its extensions need.
    """

    stanza: Stanza
    folder: Path
    port: int
    superuser: str = "postgres"
    settings: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start it if it does not run; recovery begins."""
        if self.running():
            return
        self._prepare()
        every = {**_SETTINGS, **self._control(), **self.settings, **self._places()}
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in every.items())
        ended = self._control_program("start", "-W", "-l", str(self._log), "-o", options)
        if ended.status != 0:
            raise PermanentError(f"PostgreSQL in {self.folder} does not start: {self._last_words()}")
        until = time.monotonic() + START_SECONDS
        while not self.running() and not self._fatal() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)

    def running(self) -> bool:
        """Whether the server runs."""
        return bool(self._control_program("status").status == 0)

    def wait(self, timeout_seconds: float) -> Reached:
        """Wait until recovery has come to its target, where it pauses, or to the end of the WAL.

        Raises:
            PermanentError: the server gave up; the message quotes its log (a missing segment, a target that
                was not reached, damage).
            TemporaryError: it takes longer than allowed and goes on.

        """
        until = time.monotonic() + timeout_seconds
        while (reached := self.reached()) is None:
            if time.monotonic() > until:
                raise TemporaryError(f"recovery in {self.folder} goes on after {timeout_seconds:.0f} s: wait")
            time.sleep(POLL_SECONDS)
        return reached

    def reached(self) -> Reached | None:
        """Return where recovery has come to; None while it goes on, again where its machine was restarted.

        Raises PermanentError: the server gave up; the message quotes its log.
        """
        state = self._state()
        if state is not None and (not state[0] or state[1] == "paused"):
            return Reached(state[2] and state[2].astimezone(UTC), state[3], promoted=not state[0])
        if state is None and not self.running():
            if self._fatal():
                raise PermanentError(f"recovery in {self.folder} failed: {self._last_words()}")
            self.start()
        return None

    def promote(self) -> None:
        """Make it a server that can be written to, on a timeline of its own. A repeat does nothing."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT NOT pg_is_in_recovery() OR pg_promote(true, 120)")
            row = cursor.fetchone()
        if not row or not row[0]:
            raise TemporaryError(f"PostgreSQL in {self.folder} was not promoted within 120 s")

    def stop(self) -> None:
        """Stop it; one that does not run is no error."""
        if self.running():
            self._control_program("stop", "-m", "fast", "-w", "-t", "100")

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[Any]:
        """Open a connection of psycopg2 in autocommit mode and close it at the end."""
        import psycopg2  # type: ignore[import-untyped]

        opened = psycopg2.connect(
            host=str(self._run), port=self.port, user=self.superuser, dbname=database, connect_timeout=10
        )
        opened.autocommit = True
        try:
            yield opened
        finally:
            opened.close()

    @property
    def _run(self) -> Path:
        return self.folder / "run"

    @property
    def _log(self) -> Path:
        return self._run / "log"

    def _places(self) -> dict[str, str]:
        return {
            "port": str(self.port),
            "unix_socket_directories": str(self._run),
            "config_file": str(self._run / "postgresql.conf"),
            "hba_file": str(self._run / "hba.conf"),
            "ident_file": str(self._run / "ident.conf"),
        }

    def _prepare(self) -> None:
        """Write the files that replace those of the restored cluster, which may name the real one."""
        if len(str(self._run)) > SOCKET_LENGTH:
            raise ConfigurationError(f"{self._run} is too long for a socket: restore to a shorter path")
        self._run.mkdir(mode=0o700, exist_ok=True)
        # Only who may enter the folder gets as far as this rule.
        files = {"postgresql.conf": "", "hba.conf": "local all all trust\n", "ident.conf": "", "log": ""}
        for name, text in files.items():
            (self._run / name).write_text(text)
        if self.stanza.user is not None:
            account = pwd.getpwnam(self.stanza.user)
            for path in (self._run, *(self._run / name for name in files)):
                os.chown(path, account.pw_uid, account.pw_gid)

    def _control(self) -> dict[str, str]:
        output = self.stanza.tool("pg_controldata", str(self.folder / "data")).output
        facts = dict(re.findall(r"^(.+?):\s+(.*)$", output, re.MULTILINE))
        absent = [fact for fact in _CONTROL.values() if fact not in facts]
        if absent:
            raise BadAnswer(
                f"{self.folder}/data is no PostgreSQL cluster: pg_controldata names no {absent[0]}"
            )
        return {name: facts[fact] for name, fact in _CONTROL.items()}

    def _control_program(self, *words: str) -> Any:
        return self.stanza.tool("pg_ctl", words[0], "-D", str(self.folder / "data"), *words[1:])

    def _state(self) -> tuple[bool, str, datetime | None, str] | None:
        """Return what the server says of its recovery; None while it cannot be asked."""
        import psycopg2

        try:
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute(_STATE)
                row: tuple[bool, str, datetime | None, str] = cursor.fetchone()
                return row
        except psycopg2.Error:
            return None

    def _fatal(self) -> bool:
        return any(map(_tells_why, self._lines()))

    def _last_words(self) -> str:
        lines = self._lines()
        telling = [line for line in lines if _tells_why(line)]
        return safe_excerpt((telling or lines or ["it left no message"])[-1])

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines() if self._log.exists() else []


def _tells_why(line: str) -> bool:
    """Whether a line of the log says why the server ended; clients that it turns away are fatal, too."""
    turned_away = ("the database system is", "terminating connection")
    return ("FATAL:" in line or "PANIC:" in line) and not any(one in line for one in turned_away)
