"""Claims filled from snapshots, also from those whose namespace is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upkeep.backups.kubernetes.applying import apply
from upkeep.backups.kubernetes.kinds import CLAIMS, SNAPSHOTS, Kind, Object, find
from upkeep.backups.kubernetes.snapshotparts import CONTENTS
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.clients.answers import NotFoundError, child
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError, TemporaryError

RESTORED_BY = "upkeep.io/restored-by"
BROUGHT_BACK = "upkeep.io/brought-back"
"""On a snapshot object that was made only to fill claims from the storage's snapshot."""


def claim_from(namespace: str, name: str, snapshot: str, spec: Mapping[str, Any], by: str) -> Object:
    """Return a claim that a snapshot of the same namespace fills.

    spec: `storageClassName`, `accessModes`, `resources`. by: which restore makes it, as a label.
    """
    source = {"apiGroup": SNAPSHOTS.group, "kind": SNAPSHOTS.kind, "name": snapshot}
    metadata = {"name": name, "namespace": namespace, "labels": {RESTORED_BY: by}}
    return {
        "apiVersion": CLAIMS.api_version,
        "kind": CLAIMS.kind,
        "metadata": metadata,
        "spec": {**spec, "dataSource": source},
    }


def claim_is(there: Object, wanted: Object) -> bool:
    """Return whether a claim that is there is the one that `claim_from` has made."""
    same = child(there, "spec").get("dataSource") == wanted["spec"]["dataSource"]
    return same and made_by(there, wanted["metadata"]["labels"][RESTORED_BY])


def made_by(obj: Object, by: str) -> bool:
    """Return whether a restore of this name made an object."""
    return child(child(obj, "metadata"), "labels").get(RESTORED_BY) == by


def remove(api: Api, kind: Kind, namespace: str, name: str, by: str) -> bool:
    """Delete an object if a restore of this name made it; return whether there was one."""
    path = kind.path(namespace, name)
    there = find(api, path)
    if there is None or not made_by(there, by):
        return False
    try:
        api.send("DELETE", path)
    except NotFoundError:
        return False
    return True


def bring_back(api: Api, namespace: str, name: str, facts: Mapping[str, Any], seconds: float = 300) -> None:
    """Make a ready snapshot in a namespace of contents that outlived theirs, unless there is one of the name.

    facts: of a claim in a copy's `claims`: driver and handle. name: of the snapshot. A repeat finds it.
    Raises PermanentError if the storage's own name is not known, TemporaryError if it is not ready in time.
    """
    if not outlives(facts):
        raise PermanentError(f"{name}: the storage's name of the snapshot was not recorded")
    contents = _contents(namespace, name)
    reference = {"apiVersion": SNAPSHOTS.api_version, "kind": SNAPSHOTS.kind}
    spec = {
        "deletionPolicy": "Retain",
        "driver": facts["driver"],
        "source": {"snapshotHandle": facts["handle"]},
        "volumeSnapshotRef": reference | {"name": name, "namespace": namespace},
    }
    head = {"apiVersion": CONTENTS.api_version, "kind": CONTENTS.kind, "metadata": {"name": contents}}
    if find(api, SNAPSHOTS.path(namespace, name)) is None:
        if find(api, CONTENTS.path(None, contents)) is None:
            apply(api, CONTENTS, {**head, "spec": spec})
        bound = {"source": {"volumeSnapshotContentName": contents}}
        metadata = {"name": name, "namespace": namespace, "labels": {BROUGHT_BACK: "true"}}
        apply(api, SNAPSHOTS, {**reference, "metadata": metadata, "spec": bound})

    def unready() -> list[str]:
        status = child(api.get(SNAPSHOTS.path(namespace, name)), "status")
        return (
            [] if status.get("readyToUse") is True else [child(status, "error").get("message") or "pending"]
        )

    if left := wait_until_none(unready, seconds):
        raise TemporaryError(f"VolumeSnapshot/{name} is not ready after {seconds:g} s: {left[0]}")


def forget(api: Api, namespace: str, name: str) -> bool:
    """Delete a snapshot that was brought back, with its contents; the storage's own stays.

    Returns whether there was one: a snapshot that a backup made is left alone.
    """
    path = SNAPSHOTS.path(namespace, name)
    there = find(api, path)
    ours = there is not None and child(child(there, "metadata"), "labels").get(BROUGHT_BACK) == "true"
    if there is not None and not ours:
        return False
    gone = False
    for each in (path, CONTENTS.path(None, _contents(namespace, name))):
        try:
            api.send("DELETE", each)
            gone = True
        except NotFoundError:
            continue
    return gone


def forget_all(api: Api, namespace: str, filled: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Forget the snapshots of claims that are bound, or gone; return those that are still needed.

    filled: claim → `snapshot`.
    """
    kept = []
    for claim, one in filled.items():
        there = find(api, CLAIMS.path(namespace, claim))
        if there is not None and child(there, "status").get("phase") != "Bound":
            kept.append(f"VolumeSnapshot/{one['snapshot']}")
        else:
            forget(api, namespace, one["snapshot"])
    return kept


def filled_from(api: Api, namespace: str, claim: str) -> str | None:
    """Return the snapshot that a claim is filled from, None if from none."""
    there = find(api, CLAIMS.path(namespace, claim))
    return child(child(there or {}, "spec"), "dataSource").get("name")


def outlives(facts: Mapping[str, Any]) -> bool:
    """Return whether a claim's snapshot can be found again without its object."""
    return bool(facts.get("driver") and facts.get("handle"))


def _contents(namespace: str, name: str) -> str:
    return f"{namespace}-{name}"[:253].rstrip("-.")
