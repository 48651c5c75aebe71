"""Recovery of a PostgreSQL to a moment, from pgBackRest's repository into a folder of its own.

The folder gets `data` (the cluster), `tablespaces` and, once it is started, `run`: nothing of the restored
cluster lies where the real one has it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upkeep.backups import targets
from upkeep.backups.physical.pgbackrest import base
from upkeep.backups.physical.segments import Segment
from upkeep.backups.physical.stanza import Stanza
from upkeep.backups.physical.windows import Base, Window, choose, windows
from upkeep.backups.scratch import scratch
from upkeep.errors import PermanentError

ENDED = re.compile(r"desc: (?:COMMIT|ABORT)\w* (?:\d+: )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC")
_AT = re.compile(r"lsn: ([0-9A-F]+/[0-9A-F]+)")
CONFIG = "pgbackrest.conf"
"""In the folder: the server that recovers asks pgBackRest for WAL long after its beginner has gone."""
_LOOKED_AT = 64
"""Segments that are read, newest first, to find a transaction: 1 GiB of WAL without one is none."""


def recoverable_windows(
    stanza: Stanza, timeline: int | None = None, *, without: Collection[str] = ()
) -> list[Window]:
    """Return which moments can be recovered to on a timeline (by default the newest that is archived).

    without: labels of base backups that are known to be damaged.

    Reads the list of the archive and, of each unbroken run of WAL, the end. Raises TemporaryError,
    ConfigurationError, NotFoundError (no such stanza).
    """
    return _windows(stanza, timeline, without)[0]


def look(  # noqa: PLR0913 - what a person chooses
    stanza: Stanza,
    folder: Path,
    target: datetime | None = None,
    timeline: int | None = None,
    *,
    without: Collection[str] = (),
    run: str = "",
) -> dict[str, Any]:
    """Say what `restore` would do, as plain values; touches nothing.

    target: the moment, None for the newest that there is. without: labels of base backups that are known
    to be damaged. run: whose the folder is to be; another run does not find its own there.

    Raises:
        PermanentError: the target is outside the windows, which the message tells; or the folder is taken
            or too small.

    """
    found, ends = _windows(stanza, timeline, without)
    if not found:
        raise PermanentError(
            f"nothing of {stanza.name} can be recovered: no base backup has the WAL that it needs"
        )
    window = choose(found, target or max(one.latest for one in found))
    moment = target or window.latest
    row = next(row for row in stanza.info()["backup"] if row["label"] == window.base)
    plan: dict[str, Any] = {
        "stanza": stanza.name,
        "label": window.base,
        "timeline": window.timeline,
        "moment": _utc(moment),
        **_aim(window, moment, ends),
        "earliest": _utc(window.earliest),
        "latest": _utc(window.latest),
        "missing": list(window.missing),
        "bytes": int(row["info"]["size"]),
        "run": run,
    }
    why = targets.refuse(folder, what(plan), plan["bytes"])
    if why:
        raise PermanentError(why)
    return plan


def restore(stanza: Stanza, plan: Mapping[str, Any], folder: Path) -> None:
    """Restore the base backup of a plan into a folder, ready to be recovered by a `DrillServer`.

    A repeat clears what a killed attempt at the same plan left in the folder and begins again; one that is
    finished is left. Raises PermanentError: the folder is somebody else's, a file is damaged, no room.
    """
    ours = what(plan)
    if targets.claim(folder, ours, stanza.user):
        return
    for name in ("data", "tablespaces"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(mode=0o700)
        _give(folder / name, stanza.user)
    # The base alone is on a timeline of its own: pgBackRest takes no other one then.
    aim = [f"--target={plan['target']}", f"--target-timeline={plan['timeline']}"] if plan["target"] else []
    replace(stanza, config=_own_config(stanza, folder)).call(
        "restore", f"--set={plan['label']}", f"--type={plan['type']}", *aim,
        f"--pg1-path={folder / 'data'}", f"--tablespace-map-all={folder / 'tablespaces'}",
        "--archive-mode=off", moves_data=True,
    )  # fmt: skip
    targets.finish(folder, ours)


def what(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes two plans the same: how its moment is aimed at changes with what is archived."""
    return {key: plan[key] for key in ("stanza", "label", "timeline", "moment", "run")}


def _windows(
    stanza: Stanza, timeline: int | None, without: Collection[str]
) -> tuple[list[Window], dict[datetime, str]]:
    """Return the windows, and where in the WAL the transactions are with which they end."""
    info, archive = stanza.info(), stanza.archive()
    rows = [row for row in info["backup"] if not row.get("error") and row["label"] not in without]
    with _scratch(stanza) as folder:
        known: dict[Segment, tuple[datetime, str] | None] = {}

        def newest(_: Base, segments: Sequence[Segment]) -> datetime | None:
            for segment in reversed(segments[-_LOOKED_AT:]):
                if segment not in known:
                    known[segment] = _newest_transaction(stanza, segment, folder)
                if (found := known[segment]) is not None:
                    return found[0]
            return None

        found = windows([base(row, stanza.segment_bytes) for row in rows], archive, newest, timeline)
    return found, dict(one for one in known.values() if one)


def _aim(window: Window, moment: datetime, ends: Mapping[datetime, str]) -> dict[str, str | None]:
    """Return what pgBackRest is told to recover to.

    PostgreSQL stops before the first transaction after a time, and fails where there is none: the end of a
    window is the transaction there, or the base backup where none came after it. What is archived between
    the plan and the restore is not in it.
    """
    if moment < window.latest:
        return {"type": "time", "target": _utc(moment)}
    if window.latest in ends:
        return {"type": "lsn", "target": ends[window.latest]}
    return {"type": "immediate", "target": None}


def _own_config(stanza: Stanza, folder: Path) -> Path:
    """Copy the configuration into the folder, for its owner alone."""
    own = folder / CONFIG
    own.unlink(missing_ok=True)
    own.touch(mode=0o600)
    own.write_text(stanza.config.read_text())
    _give(own, stanza.user)
    return own


def _newest_transaction(stanza: Stanza, segment: Segment, folder: Path) -> tuple[datetime, str] | None:
    """Return when the newest transaction in a segment ended, and where its record is; None without one."""
    path = stanza.fetch(segment, folder)
    if path is None:
        return None
    try:
        # It ends with an error where the segment's records go on in the next one.
        output = stanza.tool("pg_waldump", "--rmgr=Transaction", str(path)).output
    finally:
        path.unlink()
    found = [
        (datetime.fromisoformat(ended[1]).replace(tzinfo=UTC), at[1])
        for line in output.splitlines()
        if (ended := ENDED.search(line)) and (at := _AT.search(line))
    ]
    return (max(at for at, _ in found), found[-1][1]) if found else None


@contextmanager
def _scratch(stanza: Stanza) -> Iterator[Path]:
    """Yield a folder that the stanza's user may write to, and remove it."""
    with scratch("upkeep-wal-") as folder:
        _give(folder, stanza.user)
        yield folder


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
