"""PostgreSQL, dumped as an archive of pg_dump in its custom format."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from upkeep.backups.dumps import programs, stream
from upkeep.backups.dumps.child import Child
from upkeep.backups.dumps.dump import Dump, Written
from upkeep.backups.dumps.server import Session
from upkeep.errors import ConfigurationError, TemporaryError, UpkeepError

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%'
AND n.nspname <> 'information_schema' AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class PostgresDump(Dump):
    """Dumps of one database.

    What holds: the dump is one snapshot, exported by a transaction of ours, in which the rows at backup
    time are counted while the dump runs: they belong to the same snapshot, exactly. A table's name is
    `schema.table`. Tables that were not counted within count_seconds stand in the fact `uncounted`.
    Roles and tablespaces are not part of a database's dump.
    """

    engine: ClassVar[str] = "postgres"
    format: ClassVar[str] = "dump"

    def _write(self, sink: stream.Sink) -> Written:
        program = programs.find("pg_dump")
        with self.server.session(self.count_seconds) as session:
            session.run("SET idle_in_transaction_session_timeout = 0")
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            version = session.version()
            if programs.parse_version(version)[0] > program.version[0]:
                raise ConfigurationError(
                    f"{self.server.where} is PostgreSQL {version}, newer than {program.text}: "
                    f"install postgresql-client-{programs.parse_version(version)[0]}"
                )
            facts = _source(session)
            snapshot = str(session.value("SELECT pg_export_snapshot()"))
            count = _Count(session, self.count_seconds)
            command = [
                program.path, *self.server.arguments(), "--format=custom", f"--snapshot={snapshot}",
                f"--compress={'zstd:3' if program.version >= (16, 0) else '6'}",
                "--lock-wait-timeout=60s", self.server.database,
            ]  # fmt: skip
            try:
                with Child(
                    command, self.server.environment(), self.server.where, stall_seconds=self.stall_seconds
                ) as child:
                    for data in child.output():
                        count.start()  # when the program writes, it has taken the snapshot and its locks
                        sink.write(data)
            except BaseException:
                count.stop()
                raise
            counted = count.finish()
            session.run("COMMIT")
        sink.close()
        return Written(program, version, facts | counted)


class _Count:
    """The rows of tables, counted in a transaction while its dump runs, in a thread."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session, self._seconds = session, seconds
        self._stopped = threading.Event()
        self._rows: dict[str, int] = {}
        self._uncounted: list[str] = []
        self._failure: UpkeepError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin, if that has not been done."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """End it early, and the connection with it."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._session.cut()
            self._thread.join()

    def finish(self) -> dict[str, Any]:
        """Wait until all are counted or the time is up; return the facts."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        return {"rows": self._rows} | ({"uncounted": self._uncounted} if self._uncounted else {})

    def _run(self) -> None:
        deadline = time.monotonic() + self._seconds
        try:
            for schema, table in self._session.run(_TABLES):
                name = f"{schema}.{table}"
                left = deadline - time.monotonic()
                in_time = left > 0.01 and not self._stopped.is_set()
                rows = _counted(self._session, schema, table, left) if in_time else None
                if rows is None:
                    self._uncounted.append(name)
                else:
                    self._rows[name] = rows
        except UpkeepError as e:
            self._failure = e


def _counted(session: Session, schema: str, table: str, seconds: float) -> int | None:
    """Return a table's rows, None if counting takes longer; the transaction goes on."""
    session.limit(seconds)
    session.run("SAVEPOINT before_count")
    try:
        rows = int(session.value(f"SELECT count(*) FROM ONLY {session.name(schema, table)}"))  # noqa: S608
    except TemporaryError:
        session.run("ROLLBACK TO SAVEPOINT before_count")
        return None
    session.run("RELEASE SAVEPOINT before_count")
    return rows


def _source(session: Session) -> dict[str, Any]:
    """Return what a restore must know of the database."""
    described = session.value("SELECT to_jsonb(d) FROM pg_database d WHERE datname = current_database()")
    encoding, size = session.run(
        "SELECT pg_encoding_to_char(encoding), pg_database_size(datname) "
        "FROM pg_database WHERE datname = current_database()"
    )[0]
    locale = described.get("datlocale") or described.get("daticulocale")
    return {
        "encoding": str(encoding),
        "collate": described["datcollate"],
        "ctype": described["datctype"],
        "locale_provider": {"i": "icu", "b": "builtin"}.get(described.get("datlocprovider", "c"), "libc"),
        "locale": locale,
        "database_bytes": int(size),
    }
