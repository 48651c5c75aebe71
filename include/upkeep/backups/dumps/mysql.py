"""MariaDB and MySQL, dumped as SQL text in a zstd frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from upkeep.backups.dumps import programs, stream
from upkeep.backups.dumps.child import Child
from upkeep.backups.dumps.contents import SqlText
from upkeep.backups.dumps.dump import Dump, Written
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError

_OPTIONS = (
    "--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob",
    "--default-character-set=utf8mb4",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MySqlDump(Dump):
    """Dumps of one database with its routines, triggers and events.

    What holds: the dump is one snapshot of all tables of a transactional engine (InnoDB). Tables of others
    are read as they are at that moment; the fact `not_in_snapshot` names them. The rows at backup time are
    those in the dump itself, counted as it streams by, so that they belong to the same snapshot, need no
    lock and cost no second reading. MySQL's own `mysqldump`, used where MariaDB's program is missing, does
    not show them: then the fact `rows` is missing. Accounts and grants are not part of a database's dump.
    binlog: note where the binary log is at the snapshot (fact `binlog`), for recovery to a moment.
    """

    binlog: bool = False

    engine: ClassVar[str] = "mysql"
    format: ClassVar[str] = "sql.zst"

    def _write(self, sink: stream.Sink) -> Written:
        program = programs.find("mariadb-dump")
        version, facts = _source(self.server)
        noted = ["--master-data=2"] if self.binlog else []  # a comment in the dump's head
        command = [program.path, *self.server.arguments(), *_OPTIONS, *noted, self.server.database]
        text, frame = SqlText(), stream.Compress(sink)
        with Child(
            command, self.server.environment(), self.server.where, stall_seconds=self.stall_seconds
        ) as child:
            for data in child.output():
                text.write(data)
                if self.binlog and "binlog" not in facts and (position := text.position):
                    file, offset = position
                    facts["binlog"] = {"file": file, "offset": offset, "at": _now(self.server)}
                frame.write(data)
        try:
            text.close()
        except BadAnswer as e:
            raise PermanentError(f"{self.server.where}: {program.path} ended well, but {e}") from e
        frame.close()
        if self.binlog and "binlog" not in facts:
            raise PermanentError(f"{self.server.where}: {program.path} did not say where the binary log was")
        if text.rows is not None:
            facts["rows"] = dict(text.rows)
        return Written(program, version, facts)


def _now(server: DatabaseServer) -> str:
    """Return the second after this moment by the server's clock, which the binary log goes by."""
    with server.session() as session:
        now = session.value("SELECT DATE_FORMAT(UTC_TIMESTAMP() + INTERVAL 1 SECOND, '%Y-%m-%dT%T+00:00')")
        return str(now)


def _source(server: DatabaseServer) -> tuple[str, dict[str, Any]]:
    """Return the server's version, and what a restore must know of the database."""
    with server.session() as session:
        found = session.run(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA "
            "WHERE SCHEMA_NAME = DATABASE()"
        )
        if not found:
            raise ConfigurationError(f"{server.where}: the database does not exist")
        outside = session.run(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() "
            "AND TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' ORDER BY TABLE_NAME"
        )
        size = session.value(
            "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES "
            "WHERE TABLE_SCHEMA = DATABASE()"
        )
        facts: dict[str, Any] = {
            "character_set": str(found[0][0]),
            "collation": str(found[0][1]),
            "database_bytes": int(size or 0),
        }
        if outside:
            facts["not_in_snapshot"] = [str(row[0]) for row in outside]
        return session.version(), facts
