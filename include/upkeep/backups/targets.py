"""Folders that a restore fills: empty ones, or one that an earlier attempt at the same restore began.

The mark lies beside the folder, `.<folder>.upkeep.json`, so that what is restored is exactly the copy.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from upkeep.errors import ConfigurationError, PermanentError


def refuse(folder: Path, what: Mapping[str, Any], bytes_needed: int | None = None) -> str | None:
    """Return why `what` cannot be restored to the folder; None where it can.

    what: the restore, as JSON can hold it; only a folder that is marked with the same one may have files.
    """
    why = _unsuitable(folder)
    if why:
        return why
    mark = marked(folder)
    if mark is None and folder.exists() and any(folder.iterdir()):
        return f"{folder} has files of somebody else: give a new or an empty folder"
    if mark is not None and mark["what"] != dict(what):
        return f"{folder} holds another restore ({mark['what']}): give another target, or clear it away first"
    free = shutil.disk_usage(folder.parent).free
    if bytes_needed is not None and mark is None and free < bytes_needed:
        return f"{folder} has room for {free:,} bytes, and {bytes_needed:,} are needed: make room"
    return None


def claim(folder: Path, what: Mapping[str, Any], owner: str | None = None) -> bool:
    """Make the folder ours for a restore; return whether that restore is finished already.

    owner: whose the folder becomes, None for ourselves. Raises PermanentError where `refuse` says why.
    """
    why = refuse(folder, what)
    if why:
        raise PermanentError(why)
    mark = marked(folder)
    if mark is None:
        _write(folder, what, finished=False)
    folder.mkdir(mode=0o700, exist_ok=True)
    if owner is not None:
        account = pwd.getpwnam(owner)
        os.chown(folder, account.pw_uid, account.pw_gid)
    return mark is not None and bool(mark["finished"])


def finish(folder: Path, what: Mapping[str, Any]) -> None:
    """Note that the restore to the folder is complete."""
    _write(folder, what, finished=True)


def clear(folder: Path) -> None:
    """Remove a folder that a restore of ours filled, and its mark. One that is gone is no error.

    Raises:
        PermanentError: the folder has no mark of ours.

    """
    if marked(folder) is None:
        if folder.exists():
            raise PermanentError(f"{folder} was not filled by a restore of ours: it is not removed")
        return
    if folder.exists():
        shutil.rmtree(folder)
    _mark(folder).unlink(missing_ok=True)


def marked(folder: Path) -> dict[str, Any] | None:
    """Return the mark of a folder: `what` is restored there, and whether that is `finished`."""
    try:
        mark: dict[str, Any] = json.loads(_mark(folder).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise ConfigurationError(f"{_mark(folder)} cannot be read: {e}; look at it, then remove it") from e
    return mark


def _unsuitable(folder: Path) -> str | None:
    if not folder.is_absolute():
        return f"{folder} is not an absolute path: give one"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return f"{folder} is no folder: give another, or move it away"
    if not folder.parent.is_dir():
        return f"{folder.parent} does not exist: make it, or give another target"
    return None


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.upkeep.json")


def _write(folder: Path, what: Mapping[str, Any], *, finished: bool) -> None:
    """Write the mark whole or not at all."""
    draft = _mark(folder).with_suffix(".new")
    draft.write_text(json.dumps({"what": dict(what), "finished": finished}))
    draft.replace(_mark(folder))
