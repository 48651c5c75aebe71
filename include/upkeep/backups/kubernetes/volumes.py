"""Claims filled from snapshots, also from those whose namespace is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upkeep.backups.kubernetes.applying import apply
from upkeep.backups.kubernetes.cleaning import cleaned
from upkeep.backups.kubernetes.kinds import CLAIMS, SNAPSHOTS, Object, find
from upkeep.backups.kubernetes.readiness import late_classes, unbound
from upkeep.backups.kubernetes.snapshotparts import CONTENTS
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.clients.answers import child
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError, TemporaryError


def restore_claim(  # noqa: PLR0913 - what, where to, and how
    api: Api,
    namespace: str,
    snapshot: str,
    claim: str,
    *,
    spec: Mapping[str, Any] | None = None,
    seconds: float = 300,
) -> dict[str, Any]:
    """Make a claim from a snapshot of the same namespace, and wait until it is bound.

    spec: of the new claim (`storageClassName`, `accessModes`, `resources`); that of the snapshot's own
    claim without. Returns claim, bound: false where the storage class waits for the first pod. A repeat
    finds what it made. Raises PermanentError if the name is taken or the snapshot is not ready,
    TemporaryError if it is not bound within `seconds`.
    """
    found = api.get(SNAPSHOTS.path(namespace, snapshot))
    if child(found, "status").get("readyToUse") is not True:
        raise PermanentError(f"VolumeSnapshot/{snapshot} in {namespace} is not ready: nothing to restore yet")
    source = {"apiGroup": SNAPSHOTS.group, "kind": SNAPSHOTS.kind, "name": snapshot}
    there = find(api, CLAIMS.path(namespace, claim))
    if there is not None and child(child(there, "spec"), "dataSource") != source:
        raise PermanentError(f"PersistentVolumeClaim/{claim} is there and holds something else: name another")
    if there is None:
        wished = {**(spec if spec is not None else _spec(api, namespace, found)), "dataSource": source}
        metadata = {"name": claim, "namespace": namespace}
        body = {"apiVersion": "v1", "kind": CLAIMS.kind, "metadata": metadata, "spec": wished}
        apply(api, CLAIMS, body)
    left = wait_until_none(lambda: list(unbound(api, namespace, {claim}, late_classes(api))), seconds)
    if left:
        raise TemporaryError(f"{namespace}: not bound after {seconds:g} s: {'; '.join(left)}")
    return {"claim": claim, "bound": not list(unbound(api, namespace, {claim}))}


def bring_back(api: Api, namespace: str, name: str, facts: Mapping[str, Any], seconds: float = 300) -> None:
    """Make a ready snapshot in a namespace of contents that outlived theirs.

    facts: of a claim in a copy's `claims`: driver and handle. name: of the snapshot. A repeat finds it.
    Raises PermanentError if the storage's own name is not known, TemporaryError if it is not ready in time.
    """
    if not facts.get("driver") or not facts.get("handle"):
        raise PermanentError(f"{name}: the storage's name of the snapshot was not recorded")
    contents = f"{namespace}-{name}"[:253].rstrip("-.")
    reference = {"apiVersion": SNAPSHOTS.api_version, "kind": SNAPSHOTS.kind}
    spec = {
        "deletionPolicy": "Retain",
        "driver": facts["driver"],
        "source": {"snapshotHandle": facts["handle"]},
        "volumeSnapshotRef": reference | {"name": name, "namespace": namespace},
    }
    head = {"apiVersion": CONTENTS.api_version, "kind": CONTENTS.kind, "metadata": {"name": contents}}
    if find(api, CONTENTS.path(None, contents)) is None:
        apply(api, CONTENTS, {**head, "spec": spec})
    if find(api, SNAPSHOTS.path(namespace, name)) is None:
        bound = {"source": {"volumeSnapshotContentName": contents}}
        apply(
            api, SNAPSHOTS, {**reference, "metadata": {"name": name, "namespace": namespace}, "spec": bound}
        )

    def unready() -> list[str]:
        status = child(api.get(SNAPSHOTS.path(namespace, name)), "status")
        return (
            [] if status.get("readyToUse") is True else [child(status, "error").get("message") or "pending"]
        )

    if left := wait_until_none(unready, seconds):
        raise TemporaryError(f"VolumeSnapshot/{name} is not ready after {seconds:g} s: {left[0]}")


def _spec(api: Api, namespace: str, snapshot: Object) -> Mapping[str, Any]:
    own = child(child(snapshot, "spec"), "source").get("persistentVolumeClaimName")
    there = find(api, CLAIMS.path(namespace, str(own))) if own else None
    if there is None:
        raise PermanentError("the snapshot's own claim is gone: say what the new one shall be (spec)")
    return child(cleaned(there | {"kind": CLAIMS.kind}), "spec")
