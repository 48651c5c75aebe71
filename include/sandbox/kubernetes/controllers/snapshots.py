"""Volume snapshots (snapshot.storage.k8s.io): taken soon after they are asked for, with their contents."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.deletion import AT_ONCE, delete
from sandbox.kubernetes.objects import Key, Object, dig
from sandbox.kubernetes.store import Change

CONTENTS = "volumesnapshotcontents.snapshot.storage.k8s.io"
DRIVER = "ebs.csi.aws.com"


class Snapshots(Controller):
    """Takes the snapshots, and removes contents whose snapshot is gone unless they are retained."""

    resource = "volumesnapshots.snapshot.storage.k8s.io"

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at snapshots that change, and at the snapshot of contents that change."""
        if change.resource.qualified == CONTENTS:
            reference = dig(change.object, "spec", "volumeSnapshotRef") or {}
            return [(reference.get("namespace", ""), reference.get("name", ""))]
        return super().interested(change)

    def reconcile(self, key: Key) -> float | None:
        """Make a snapshot ready to use: of a bound claim, or of contents that are there."""
        snapshot = self.get(key)
        if snapshot is None:
            self._release(key)
            return None
        if dig(snapshot, "status", "readyToUse"):
            return None
        if name := dig(snapshot, "spec", "source", "volumeSnapshotContentName"):
            contents = self.cluster.get(CONTENTS, ("", name))
            if contents is None:
                return self._fail(snapshot, f'volumesnapshotcontent "{name}" not found')
            return self._ready(snapshot, name, dig(contents, "status", "restoreSize") or "1Gi")
        name = dig(snapshot, "spec", "source", "persistentVolumeClaimName")
        claim = self.cluster.get("persistentvolumeclaims", (key[0], name or ""))
        size = dig(claim, "status", "capacity", "storage")
        if size is None:
            return self._fail(
                snapshot, f'Failed to create snapshot content: claim "{name}" not found or not bound'
            )
        return self._ready(snapshot, self._cut(snapshot, claim, size), size)

    def _fail(self, snapshot: Object, message: str) -> float:
        self.cluster.set_status(self.resource, snapshot, readyToUse=False, error={"message": message})
        return 1.0

    def _ready(self, snapshot: Object, contents: str, size: str) -> None:
        self.cluster.set_status(
            self.resource,
            snapshot,
            readyToUse=True,
            error=None,
            restoreSize=size,
            creationTime=self.cluster.clock.stamp(),
            boundVolumeSnapshotContentName=contents,
        )

    def _cut(self, snapshot: Object, claim: Object | None, size: str) -> str:
        """Make the contents; return their name."""
        metadata = snapshot["metadata"]
        name = f"snapcontent-{metadata['uid']}"
        resource = self.cluster.registry[CONTENTS]
        if self.cluster.get(CONTENTS, ("", name)) is None:
            spec = {
                "deletionPolicy": "Delete",
                "driver": DRIVER,
                "source": {"volumeHandle": dig(claim, "spec", "volumeName")},
                "volumeSnapshotRef": {key: metadata[key] for key in ("name", "namespace", "uid")},
            }
            made = self.cluster.store.create(
                resource,
                {
                    "apiVersion": resource.api_version,
                    "kind": resource.kind,
                    "metadata": {"name": name},
                    "spec": spec,
                },
            )
            handle = f"snap-{metadata['uid'].replace('-', '')[:17]}"
            self.cluster.set_status(CONTENTS, made, readyToUse=True, snapshotHandle=handle, restoreSize=size)
        return name

    def _release(self, key: Key) -> None:
        """Remove the contents of a snapshot that is gone, as their policy says."""
        for contents in self.cluster.all(CONTENTS):
            reference = dig(contents, "spec", "volumeSnapshotRef") or {}
            gone = (reference.get("namespace"), reference.get("name")) == key
            if gone and dig(contents, "spec", "deletionPolicy") == "Delete":
                delete(self.cluster, self.cluster.registry[CONTENTS], contents, AT_ONCE)
