"""MariaDB's binary log: files in a sequence, each a list of events with checksums."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from upkeep.errors import ConfigurationError

MAGIC = b"\xfebin"
PIECE_BYTES = 1024 * 1024
CRC_BYTES = 4

_HEADER = struct.Struct("<IBIIIH")  # seconds, type, server, length, position after it, flags
_STATEMENT = struct.Struct("<IIBHH")  # session, seconds, length of its database's name, error, status bytes
_QUERY, _STOP, _ROTATE, _FORMAT = 2, 3, 4, 15
_TRANSACTIONS = {162, 33, 34}
"""Events that begin a transaction: MariaDB's, and MySQL's with and without an id."""
_IN_USE = 1
"""The flag of a file that the server still writes; it is not in the checksum."""
_NAME = re.compile(r"(.+)\.(\d{6,})")


@dataclass(frozen=True)
class Position:
    """A place in the binary log, such as a dump's: file and byte."""

    file: str
    offset: int


@dataclass(frozen=True)
class Binlog:
    """A file of the binary log. newest: when its newest transaction was written, None without any.

    closed: it ends as the server ends a file. problems: what is damaged, and where. others: statements about
    the database that was asked for, of sessions whose current one was another: where, and what they do.
    """

    name: str
    bytes: int
    newest: datetime | None
    closed: bool
    problems: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """Files that follow each other without a gap. missing: the first gap, if there is a file beyond it."""

    names: tuple[str, ...]
    missing: tuple[str, ...] = ()


def run_from(names: Collection[str], first: str) -> Run:
    """Return the files from `first` on, as far as none is missing; other files are passed over."""
    base, number = _parsed(first)
    numbers = {found[1] for name in names if (found := _maybe(name)) and found[0] == base}
    last = number
    while last in numbers:
        last += 1
    beyond = [one for one in numbers if one > last]
    gap = range(last, min(beyond)) if beyond else range(0)
    return Run(tuple(_name(base, one) for one in range(number, last)), tuple(_name(base, one) for one in gap))


def read_binlog(path: Path, database: str | None = None) -> Binlog:
    """Read a file of the binary log to its end, checking each event's length and checksum.

    database: whose statements by `others` are wanted.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        if file.read(len(MAGIC)) != MAGIC:
            return Binlog(path.name, size, None, False, (f"{path.name} is no binary log",))
        return _events(file, path.name, size, database)


def _events(file: BinaryIO, name: str, size: int, database: str | None) -> Binlog:
    checked, newest, kind = False, 0, 0
    others: list[str] = []
    while head := file.read(_HEADER.size):
        place = file.tell() - len(head)
        if len(head) < _HEADER.size:
            return _damaged(name, size, f"{name} is cut off at byte {place}")
        seconds, kind, _, length, _, flags = _HEADER.unpack(head)
        if length < _HEADER.size or place + length > size:
            return _damaged(name, size, f"{name} is cut off or damaged at byte {place}")
        crc, tail, body = _rest(file, head, kind, flags, length - _HEADER.size)
        if kind == _FORMAT:
            checked = tail[:1] == b"\x01"
        if checked and crc != int.from_bytes(tail[1:], "little"):
            return _damaged(name, size, f"{name} is damaged at byte {place}: an event's checksum is wrong")
        newest = max(newest, seconds) if kind in _TRANSACTIONS else newest
        if kind == _QUERY and database and (does := _about(body, database)):
            others.append(f"{name} at byte {place}: {does}")
    at = datetime.fromtimestamp(newest, UTC) if newest else None
    return Binlog(name, size, at, kind in {_STOP, _ROTATE}, others=tuple(others))


def _about(body: bytes, database: str) -> str | None:
    """Return what a statement does, if it names a database that is not its session's current one.

    Not its text, which may hold a password; what changes accounts alone is left out.
    """
    _, _, length, _, status = _STATEMENT.unpack_from(body)
    current = body[_STATEMENT.size + status :][:length].decode(errors="replace")
    text = body[_STATEMENT.size + status + length + 1 :]
    named = re.search(rb"(?<![\w$.])`?" + re.escape(database.encode()) + rb"`?\s*\.", text, re.IGNORECASE)
    words = b" ".join(text.split()[:2]).decode(errors="replace").upper()
    return None if current == database or not named or words.startswith(("GRANT", "REVOKE")) else words


def _rest(file: BinaryIO, head: bytes, kind: int, flags: int, left: int) -> tuple[int, bytes, bytes]:
    """Read an event's body; return the checksum of all but its last four bytes, its last five, its first."""
    if kind == _FORMAT:
        head = head[:-2] + (flags & ~_IN_USE).to_bytes(2, "little")
    crc, held, tail, first = zlib.crc32(head), b"", b"", b""
    while left and (piece := file.read(min(left, PIECE_BYTES))):
        left -= len(piece)
        first = first or piece
        tail = (tail + piece)[-CRC_BYTES - 1 :]
        held += piece
        crc, held = zlib.crc32(held[:-CRC_BYTES], crc), held[-CRC_BYTES:]
    return crc, tail, first


def _damaged(name: str, size: int, problem: str) -> Binlog:
    return Binlog(name, size, None, False, (problem,))


def _parsed(name: str) -> tuple[str, int]:
    found = _maybe(name)
    if found is None:
        raise ConfigurationError(f"{name!r} is no file of a binary log, such as mysql-bin.000012")
    return found


def _maybe(name: str) -> tuple[str, int] | None:
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def _name(base: str, number: int) -> str:
    return f"{base}.{number:06d}"
