"""Volume snapshots (snapshot.storage.k8s.io): ready soon after they are asked for."""

from __future__ import annotations

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.objects import Key, dig


class Snapshots(Controller):
    """Takes the snapshots."""

    resource = "volumesnapshots.snapshot.storage.k8s.io"

    def reconcile(self, key: Key) -> float | None:
        """Make the snapshot of a bound claim ready to use."""
        snapshot = self.get(key)
        if snapshot is None or dig(snapshot, "status", "readyToUse"):
            return None
        name = dig(snapshot, "spec", "source", "persistentVolumeClaimName")
        claim = self.cluster.get("persistentvolumeclaims", (key[0], name or ""))
        size = dig(claim, "status", "capacity", "storage")
        if size is None:
            message = f'Failed to create snapshot content: claim "{name}" not found or not bound'
            self.cluster.set_status(self.resource, snapshot, readyToUse=False, error={"message": message})
            return 1.0
        self.cluster.set_status(
            self.resource,
            snapshot,
            readyToUse=True,
            error=None,
            restoreSize=size,
            creationTime=self.cluster.clock.stamp(),
            boundVolumeSnapshotContentName=f"snapcontent-{snapshot['metadata']['uid']}",
        )
        return None
