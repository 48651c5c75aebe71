"""Folders for temporary files that do not outlive their worker for long."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Yield an empty folder that nobody else may enter; it is removed at the end.

    A worker that is killed removes nothing, and what it leaves may be large, or secret: so first those of
    this prefix go whose process is gone. That is told by a lock on the folder, which ends with its process.
    """
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{prefix}*"):
        _remove_if_left(left)
    # Locked under another name first: nobody may take it for one that was left.
    draft = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=place))
    lock = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = draft.rename(place / draft.name.removeprefix("."))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _remove_if_left(folder: Path) -> None:
    """Remove a folder whose process is gone; one that is in use, or that we may not remove, stays."""
    with suppress(OSError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
