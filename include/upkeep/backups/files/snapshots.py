"""Copies as restic keeps them: snapshots whose tags say what they are.

A backup is tagged `upkeep-draft=<name>` while it is made, then `upkeep=<name>` with what is known of it: so a
snapshot that restic wrote but whose maker was killed, or that lacks files, is never taken for a finished one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.model import Copy
from upkeep.clients.answers import mapping, require
from upkeep.errors import ConfigurationError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
DONE, DRAFT = "upkeep", "upkeep-draft"
_MOMENT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of ours. finished: its tags say that it was made to the end. facts: what they tell."""

    id: str
    name: str
    finished: bool
    at: datetime
    tree: str
    facts: Mapping[str, str]


def checked_name(name: str) -> str:
    """Return a name that can be a tag; ConfigurationError for any other."""
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} cannot name a backup: use letters, digits and . _ : - only")
    return name


def read(rows: Any) -> list[Snapshot]:
    """Return the snapshots of ours among those that `restic snapshots --json` lists, oldest first."""
    found = []
    for row in require(rows or [], list, "restic snapshots"):
        entry = mapping(row, "restic snapshots")
        tags = dict(tag.split("=", 1) for tag in entry.get("tags") or [] if "=" in tag)
        name = tags.get(DONE) or tags.get(DRAFT)
        if name:
            at = moment(str(entry["time"]))
            found.append(Snapshot(entry["id"], name, DONE in tags, at, str(entry["tree"]), tags))
    return sorted(found, key=lambda one: (one.at, one.id))


def tags(name: str, ended_at: datetime, counts: Mapping[str, int]) -> str:
    """Return the tags of a finished copy, as `restic tag --set` takes them."""
    facts = {DONE: name, "ended": ended_at.astimezone(UTC).strftime(_MOMENT), **counts}
    return ",".join(f"{key}={value}" for key, value in facts.items())


def copy(snapshot: Snapshot, location: str) -> Copy:
    """Return the copy that a snapshot is."""
    counts = {key: int(value) for key, value in snapshot.facts.items() if value.isdigit() and key != DONE}
    ended = snapshot.facts.get("ended")
    return Copy(
        name=snapshot.name,
        reference=f"{location}#{snapshot.id}",
        started_at=snapshot.at,
        ended_at=datetime.strptime(ended, _MOMENT).replace(tzinfo=UTC) if ended else snapshot.at,
        bytes=counts.get("stored"),
        encryption="restic",
        facts={**counts, "snapshot": snapshot.id, "tree": snapshot.tree},
        problems=_problems(snapshot, counts),
    )


def _problems(snapshot: Snapshot, counts: Mapping[str, int]) -> list[str]:
    if not snapshot.finished:
        return [f"backup {snapshot.name} was not finished: its maker was stopped; make it again"]
    told = (("unread", "could not be read"), ("changed", "changed while they were read"))
    return [
        f"backup {snapshot.name} lacks {counts[key]} source files, which {what}"
        for key, what in told
        if counts.get(key)
    ]


def moment(text: str) -> datetime:
    """Return restic's time, which has nanoseconds and the zone of who made the backup."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
