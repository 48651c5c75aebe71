"""Keeps the compiled catalog in files: one for each system's last good version, one for what broke it.

A file is a checksum and JSON. Writing replaces a file at once, so that a reader sees the old or the new one
whole; a damaged file counts as absent. A folder that cannot be written costs speed, nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from upkeep.catalog.plans import RoutinePlan
from upkeep.catalog.problems import Problem

log = logging.getLogger(__name__)

_ABANDONED_SECONDS = 3600.0
"""A temporary file this old belongs to a writer that was killed."""


@dataclass(frozen=True)
class Good:
    """A version of a system's file without errors, compiled.

    source: digest of the file. code: signature of the code that compiled it. text: the file itself, to be
    compiled again by newer code. system: the system as JSON. problems: warnings.
    """

    source: str
    code: str
    text: bytes
    plans: list[RoutinePlan]
    system: msgspec.Raw
    problems: list[Problem]


@dataclass(frozen=True)
class Broken:
    """What is wrong with a version of a system's file."""

    source: str
    code: str
    problems: list[Problem]


Kept = TypeVar("Kept", Good, Broken)


class Store:
    """The files of one catalog folder's compiled systems."""

    def __init__(self, cache: Path, catalog: Path) -> None:
        """Use a folder of its own below `cache` for each `catalog`."""
        key = hashlib.sha256(os.fsencode(catalog.absolute())).hexdigest()[:16]
        self._folder = cache / key
        self._swept = False
        # What could not be written: without it, each question would compile all files again.
        self._unwritten: dict[tuple[type, str], Good | Broken] = {}

    def read(self, kind: type[Kept], system_id: str) -> Kept | None:
        """Return what is kept of a system, or None if there is nothing usable."""
        if (kind, system_id) in self._unwritten:
            return cast("Kept", self._unwritten[kind, system_id])
        try:
            content = self._file(kind, system_id).read_bytes()
        except OSError:
            return None
        checksum, _, body = content.partition(b"\n")
        if checksum != _checksum(body):
            return None
        try:
            return cast("Kept", _DECODERS[kind].decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # an older version wrote it

    def write(self, system_id: str, kept: Good | Broken) -> None:
        """Keep a system's compiled version, in memory if the folder cannot be written."""
        body = msgspec.json.encode(kept)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            self._replace(self._file(type(kept), system_id), _checksum(body) + b"\n" + body)
        except OSError as e:
            log.debug("the compiled catalog cannot be kept in %s: %s", self._folder, e)
            self._unwritten[type(kept), system_id] = kept
        else:
            self._unwritten.pop((type(kept), system_id), None)

    def _file(self, kind: type[Good] | type[Broken], system_id: str) -> Path:
        return self._folder / f"{system_id}.{kind.__name__.lower()}.json"

    def _replace(self, target: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(name, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise

    def _sweep(self) -> None:
        """Remove what killed writers left behind, once."""
        if self._swept:
            return
        self._swept = True
        for leftover in self._folder.glob(".*.tmp"):
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                    leftover.unlink()


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


_DECODERS = {kind: msgspec.json.Decoder(kind) for kind in (Good, Broken)}
