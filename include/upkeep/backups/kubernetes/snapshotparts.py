"""One volume's snapshot: the object in the namespace, and its contents in the cluster."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upkeep.backups.kubernetes.kinds import SNAPSHOTS, Kind, Object, find, listed, name_of
from upkeep.clients.answers import NotFoundError, child, from_epoch, moment, text
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.quantity import quantity

CONTENTS = Kind("snapshot.storage.k8s.io", "volumesnapshotcontents", "v1", "VolumeSnapshotContent", False)
LONGEST_NAME = 253


@dataclass(frozen=True)
class Part:
    """A volume's snapshot. claims: all of its backup. snapshot, contents: names of what is there.

    kept: its contents stay when the namespace goes. handle: the storage's own name for it.
    """

    backup: str
    claim: str
    claims: tuple[str, ...]
    at: datetime
    ready: bool
    bytes: int | None
    problem: str | None
    snapshot: str | None
    contents: str | None
    kept: bool
    held: bool
    driver: str | None = None
    handle: str | None = None

    def facts(self) -> dict[str, Any]:
        """Return what a recovery needs to know, as plain JSON values."""
        return {
            "snapshot": self.snapshot,
            "contents": self.contents,
            "driver": self.driver,
            "handle": self.handle,
            "bytes": self.bytes,
        }


def snapshot_name(backup: str, claim: str) -> str:
    """Return the name of a claim's snapshot in a backup, always the same.

    >>> snapshot_name("daily-20261121t020000z", "data")
    'daily-20261121t020000z-data'
    """
    whole = f"{backup}-{claim}".lower()
    if len(whole) <= LONGEST_NAME:
        return whole
    return f"{whole[:200]}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def policy_label(policy: str) -> str:
    """Return a policy's name as a label may say it.

    >>> policy_label("tapio/database")
    'tapio.database'
    """
    return re.sub(r"[^A-Za-z0-9._-]", ".", policy)[:63].strip("._-")


def parts(api: Api, namespace: str, policy: str) -> list[Part]:
    """Return the snapshots of a policy, and the contents of those whose object is gone."""
    selector = f"upkeep.io/policy={policy_label(policy)}"
    contents = {name_of(obj): obj for obj in _contents(api, selector)}
    found = []
    for obj in listed(api, SNAPSHOTS, namespace, selector):
        bound = text(child(obj, "status"), "boundVolumeSnapshotContentName")
        holding = contents.pop(bound, None) or (find(api, CONTENTS.path(None, bound)) if bound else None)
        found.append(_part(obj, obj, holding))
    for obj in contents.values():
        if _note(obj, "namespace") == namespace:
            found.append(_part(obj, None, obj))
    return sorted(found, key=lambda part: (part.at, part.claim))


def _contents(api: Api, selector: str) -> list[Object]:
    try:
        return list(listed(api, CONTENTS, None, selector))
    except NotFoundError:
        return []


def _part(marked: Object, snapshot: Object | None, contents: Object | None) -> Part:
    status = child(snapshot or contents or {}, "status")
    error = child(status, "error")
    size = status.get("restoreSize")
    spec = child(contents or {}, "spec")
    return Part(
        backup=_note(marked, "backup-name"),
        claim=_note(marked, "claim"),
        claims=tuple(json.loads(_note(marked, "claims"))),
        at=_time(marked, status),
        ready=status.get("readyToUse") is True,
        bytes=None if size is None else int(quantity(size)),
        problem=error.get("message"),
        snapshot=name_of(snapshot) if snapshot else None,
        contents=name_of(contents) if contents else None,
        kept=spec.get("deletionPolicy") == "Retain",
        held=bool(_note(marked, "hold")),
        driver=spec.get("driver"),
        handle=child(contents or {}, "status").get("snapshotHandle"),
    )


def _time(marked: Object, status: dict[str, Any]) -> datetime:
    """Return when the snapshot was cut; when it was asked for, until that is known."""
    cut = status.get("creationTime")
    if isinstance(cut, int):  # contents tell it in nanoseconds
        return from_epoch(cut / 1e9, "creationTime")
    return moment(cut or child(marked, "metadata")["creationTimestamp"], "creationTime")


def _note(obj: Object, name: str) -> str:
    return text(child(child(obj, "metadata"), "annotations"), f"upkeep.io/{name}")
