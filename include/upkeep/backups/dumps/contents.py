"""What is inside a dump, seen while it streams by: whose it is, its rows, and whether it has an end."""

from __future__ import annotations

import re
from collections import Counter

from upkeep.errors import BadAnswer

_HEAD_BYTES = 64 * 1024
_BORDER_BYTES = 512
"""Longer than any line that is looked for: a table's name has at most 64 characters."""

_TABLE = re.compile(rb"\n(?:LOCK TABLES `((?:[^`]|``)+)` WRITE;|UNLOCK TABLES;)")
_POSITION = re.compile(rb"(?:MASTER|SOURCE)_LOG_FILE='([^']+)', (?:MASTER|SOURCE)_LOG_POS=(\d+)")
_END = b"\n-- Dump completed"


class SqlText:
    """The text of `mariadb-dump`: rows by table are counted, in the dump itself and so in its snapshot.

    MariaDB's program writes each row on a line of its own, between LOCK TABLES and UNLOCK TABLES; a new
    line inside a value is escaped. MySQL's writes many rows on one line: there, rows stay unknown (None).
    """

    def __init__(self) -> None:
        self._head = self._left = self._end = b""
        self._table: str | None = None
        self._rows: Counter[str] = Counter()

    @property
    def rows(self) -> dict[str, int] | None:
        """Rows by table."""
        return dict(self._rows) if b"MariaDB dump" in self._head[:400] else None

    @property
    def database(self) -> str | None:
        """The database that was dumped, as the head of the dump says."""
        found = re.search(rb"^-- Host: .*?\s+Database: (.+)$", self._head, re.MULTILINE)
        return found[1].decode(errors="replace").strip() if found else None

    @property
    def position(self) -> tuple[str, int] | None:
        """Where the binary log was at the dump's snapshot: file and byte, if the head says it."""
        found = _POSITION.search(self._head)
        return (found[1].decode(errors="replace"), int(found[2])) if found else None

    def write(self, data: bytes) -> None:
        """Take bytes."""
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        self._end = (self._end + data[-_BORDER_BYTES:])[-_BORDER_BYTES:]
        text = self._left + data
        # Nothing that is looked for begins behind the last new line, if that is far enough away.
        cut = text.rfind(b"\n", max(0, len(text) - _BORDER_BYTES))
        end = len(text) if cut < 0 else cut
        self._left = text[end:]
        self._count(text, end)

    def close(self) -> None:
        """Take the end."""
        self._count(self._left, len(self._left))
        self._left = b""
        if _END not in self._end:
            raise BadAnswer("the dump has no end: its last line is not `-- Dump completed`")

    def _count(self, text: bytes, end: int) -> None:
        start = 0
        # Rare, and a word in capitals is what a text without it is searched for fastest.
        if text.find(b"TABLES", 0, end) >= 0:
            for found in _TABLE.finditer(text, 0, end):
                self._add(text, start, found.start())
                start = found.end()
                name = found[1]
                self._table = None if name is None else name.replace(b"``", b"`").decode()
                if self._table is not None:
                    self._rows[self._table] += 0
        self._add(text, start, end)

    def _add(self, text: bytes, start: int, end: int) -> None:
        if self._table is not None:
            self._rows[self._table] += text.count(b"\n(", start, end)


class PostgresArchive:
    """The head of an archive of `pg_dump -Fc`."""

    def __init__(self) -> None:
        self._head = b""

    def write(self, data: bytes) -> None:
        """Take bytes."""
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]

    def close(self) -> None:
        """Take the end; BadAnswer if it was no archive."""
        if self.database is None:
            raise BadAnswer("it is not an archive of pg_dump in the custom format")

    @property
    def database(self) -> str | None:
        """The database that was dumped, None if this is not such an archive.

        After the magic number come: version (3 bytes), size of an integer, size of an offset, format (1 is
        custom), compression (an integer before version 1.15, then a byte), the time (7 integers), and the
        name as a text with its length. An integer is a sign and that many bytes, the lowest first.
        """
        head = self._head
        if not head.startswith(b"PGDMP") or len(head) < 64 or head[10] != 1:
            return None
        integer = 1 + head[8]
        at = 11 + (1 if (head[5], head[6]) >= (1, 15) else integer) + 7 * integer
        length = int.from_bytes(head[at + 1 : at + integer], "little")
        return head[at + integer : at + integer + length].decode(errors="replace")
