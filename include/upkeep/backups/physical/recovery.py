"""Recovery of a PostgreSQL to a moment, from pgBackRest's repository into a folder of its own.

The folder gets `data` (the cluster), `tablespaces` and, once it is started, `run`: nothing of the restored
cluster lies where the real one has it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upkeep.backups import targets
from upkeep.backups.physical.pgbackrest import base
from upkeep.backups.physical.segments import Segment
from upkeep.backups.physical.stanza import Stanza
from upkeep.backups.physical.windows import Base, Window, choose, windows
from upkeep.errors import PermanentError

ENDED = re.compile(r"desc: (?:COMMIT|ABORT)\w* (?:\d+: )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC")
_LOOKED_AT = 64
"""Segments that are read, newest first, to find a transaction: 1 GiB of WAL without one is none."""


def recoverable_windows(stanza: Stanza, timeline: int | None = None) -> list[Window]:
    """Return which moments can be recovered to on a timeline (by default the newest that is archived).

    Reads the list of the archive and, of each unbroken run of WAL, the end. Raises TemporaryError,
    ConfigurationError, NotFoundError (no such stanza).
    """
    info, archive = stanza.info(), stanza.archive()
    bases = [base(row, stanza.segment_bytes) for row in info["backup"] if not row.get("error")]
    with _scratch(stanza) as folder:
        known: dict[Segment, datetime | None] = {}

        def newest(_: Base, segments: Sequence[Segment]) -> datetime | None:
            for segment in reversed(segments[-_LOOKED_AT:]):
                if segment not in known:
                    known[segment] = _newest_transaction(stanza, segment, folder)
                if known[segment] is not None:
                    return known[segment]
            return None

        return windows(bases, archive, newest, timeline)


def look(
    stanza: Stanza, folder: Path, target: datetime | None = None, timeline: int | None = None
) -> dict[str, Any]:
    """Say what `restore` would do, as plain values; touches nothing.

    target: the moment, None for the newest that there is.

    Raises:
        PermanentError: the target is outside the windows, which the message tells; or the folder is taken
            or too small.

    """
    found = recoverable_windows(stanza, timeline)
    if not found:
        raise PermanentError(
            f"nothing of {stanza.name} can be recovered: no base backup has the WAL that it needs"
        )
    window = choose(found, target or max(one.latest for one in found))
    to_end = target is None or target == window.latest
    row = next(row for row in stanza.info()["backup"] if row["label"] == window.base)
    plan: dict[str, Any] = {
        "stanza": stanza.name,
        "label": window.base,
        "timeline": window.timeline,
        # PostgreSQL stops before the first transaction after the target, and fails where there is none.
        "target": None if to_end else _utc(target or window.latest),
        "earliest": _utc(window.earliest),
        "latest": _utc(window.latest),
        "missing": list(window.missing),
        "bytes": int(row["info"]["size"]),
    }
    why = targets.refuse(folder, _what(plan), plan["bytes"])
    if why:
        raise PermanentError(why)
    return plan


def restore(stanza: Stanza, plan: Mapping[str, Any], folder: Path) -> None:
    """Restore the base backup of a plan into a folder, ready to be recovered by a `DrillServer`.

    A repeat clears what a killed attempt at the same plan left in the folder and begins again; one that is
    finished is left. Raises PermanentError: the folder is somebody else's, a file is damaged, no room.
    """
    what = _what(plan)
    if targets.claim(folder, what, stanza.user):
        return
    for name in ("data", "tablespaces"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(mode=0o700)
        _give(folder / name, stanza.user)
    aim = ("--type=default",) if plan["target"] is None else ("--type=time", f"--target={plan['target']}")
    stanza.call(
        "restore", f"--set={plan['label']}", *aim, f"--target-timeline={plan['timeline']}",
        f"--pg1-path={folder / 'data'}", f"--tablespace-map-all={folder / 'tablespaces'}",
        "--archive-mode=off", moves_data=True,
    )  # fmt: skip
    targets.finish(folder, what)


def _what(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plan[key] for key in ("stanza", "label", "timeline", "target")}


def _newest_transaction(stanza: Stanza, segment: Segment, folder: Path) -> datetime | None:
    """Return when the newest transaction in a segment ended; None if there is none."""
    path = stanza.fetch(segment, folder)
    if path is None:
        return None
    try:
        # It ends with an error where the segment's records go on in the next one.
        output = stanza.tool("pg_waldump", "--rmgr=Transaction", str(path)).output
    finally:
        path.unlink()
    found = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in ENDED.findall(output)]
    return max(found, default=None)


@contextmanager
def _scratch(stanza: Stanza) -> Iterator[Path]:
    """Yield a folder that the stanza's user may write to, and remove it."""
    with tempfile.TemporaryDirectory(prefix="upkeep-wal-") as folder:
        _give(Path(folder), stanza.user)
        yield Path(folder)


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
