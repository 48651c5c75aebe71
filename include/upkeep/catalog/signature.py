"""A cheap signature of the code that compiles the catalog: whatever it changes, compiles anew."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from upkeep.catalog.places import TEMPLATES

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCES = (_PACKAGE / "catalog", _PACKAGE / "checks", _PACKAGE / "findings", TEMPLATES)


def code_signature() -> str:
    """Return a digest of the names, sizes and times of the files that compiling depends on."""
    digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
    for folder in _SOURCES:
        for line in sorted(_stats(str(folder))):
            digest.update(line.encode())
    return digest.hexdigest()


def _stats(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _stats(entry.path)
        elif entry.name.endswith((".py", ".j2")):
            status = entry.stat()
            yield f"{entry.path} {status.st_size} {status.st_mtime_ns}\n"
