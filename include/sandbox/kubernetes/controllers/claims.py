"""Persistent volume claims: binding to a new volume, and growing."""

from __future__ import annotations

from sandbox.kubernetes.clock import seconds_since
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.deletion import AT_ONCE, delete
from sandbox.kubernetes.objects import Key, Object, dig, is_deleting, is_true, with_condition
from sandbox.kubernetes.quantities import parse_quantity

BIND_SECONDS = 0.1
_COMPONENT = "persistentvolume-controller"


class Claims(Controller):
    """Provisions the volumes."""

    resource = "persistentvolumeclaims"

    def reconcile(self, key: Key) -> float | None:
        """Bind the claim, or expand its volume, or remove the volume of a claim that is gone."""
        claim = self.get(key)
        if claim is None:
            self._release(key)
            return None
        if is_deleting(claim):
            return None
        if dig(claim, "status", "phase") != "Bound":
            return self._bind(claim)
        return self._expand(claim)

    def _bind(self, claim: Object) -> float | None:
        age = seconds_since(claim["metadata"]["creationTimestamp"], self.cluster.clock.now())
        if 0 <= age < BIND_SECONDS:
            return BIND_SECONDS
        name = claim["spec"]["storageClassName"]
        storage_class = self.cluster.get("storageclasses.storage.k8s.io", ("", name))
        if storage_class is None:
            message = f'storageclass.storage.k8s.io "{name}" not found'
            self.cluster.events.warning(claim, _COMPONENT, "ProvisioningFailed", message)
            return 1.0
        if problem := self._source_problem(claim):
            self.cluster.events.warning(claim, _COMPONENT, "ProvisioningFailed", problem)
            return 1.0
        volume = f"pvc-{claim['metadata']['uid']}"
        size = claim["spec"]["resources"]["requests"]["storage"]
        if self.cluster.get("persistentvolumes", ("", volume)) is None:
            self.cluster.store.create(
                self.cluster.registry["persistentvolumes"], _volume(claim, storage_class, volume)
            )
        bound = {**claim, "spec": {**claim["spec"], "volumeName": volume}}
        bound = self.cluster.store.update(self.cluster.registry[self.resource], bound)
        modes = claim["spec"]["accessModes"]
        self.cluster.set_status(
            self.resource, bound, phase="Bound", capacity={"storage": size}, accessModes=modes
        )
        message = f"Successfully provisioned volume {volume}"
        self.cluster.events.normal(bound, _COMPONENT, "ProvisioningSucceeded", message)
        return None

    def _source_problem(self, claim: Object) -> str | None:
        """A claim that restores a snapshot waits until the snapshot is ready."""
        source = claim["spec"].get("dataSource") or {}
        if source.get("kind") != "VolumeSnapshot":
            return None
        key = (claim["metadata"]["namespace"], source["name"])
        snapshot = self.cluster.get("volumesnapshots.snapshot.storage.k8s.io", key)
        if snapshot is None:
            return f'volumesnapshot "{source["name"]}" not found'
        return None if dig(snapshot, "status", "readyToUse") else f"snapshot {source['name']} is not ready"

    def _expand(self, claim: Object) -> float | None:
        wanted, has = (
            claim["spec"]["resources"]["requests"]["storage"],
            claim["status"]["capacity"]["storage"],
        )
        if parse_quantity(wanted) <= parse_quantity(has):
            return None
        stamp = self.cluster.clock.stamp()
        if not is_true(claim, "Resizing"):
            conditions = with_condition(
                dig(claim, "status", "conditions"), {"type": "Resizing", "status": "True"}, stamp
            )
            self.cluster.set_status(self.resource, claim, conditions=conditions)
            self.cluster.events.normal(claim, "volume_expand", "Resizing", f"Expanding to {wanted}")
            return BIND_SECONDS
        volume = self.cluster.get("persistentvolumes", ("", claim["spec"]["volumeName"]))
        if volume:
            grown = {**volume, "spec": {**volume["spec"], "capacity": {"storage": wanted}}}
            self.cluster.store.update(self.cluster.registry["persistentvolumes"], grown)
        self.cluster.set_status(self.resource, claim, capacity={"storage": wanted}, conditions=None)
        self.cluster.events.normal(claim, "kubelet", "FileSystemResizeSuccessful", f"Expanded to {wanted}")
        return None

    def _release(self, key: Key) -> None:
        """Delete or release the volumes whose claim is gone, as their reclaim policy says."""
        resource = self.cluster.registry["persistentvolumes"]
        for volume in self.cluster.all("persistentvolumes"):
            reference = volume["spec"].get("claimRef") or {}
            if (reference.get("namespace"), reference.get("name")) != key:
                continue
            if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                delete(self.cluster, resource, volume, AT_ONCE)
            else:
                self.cluster.set_status("persistentvolumes", volume, phase="Released")


def _volume(claim: Object, storage_class: Object, name: str) -> Object:
    metadata = claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": dict(metadata.get("labels") or {})},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
            | {key: metadata[key] for key in ("name", "namespace", "uid")},
            "csi": {"driver": storage_class["provisioner"], "volumeHandle": name},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": claim["spec"]["volumeMode"],
        },
        "status": {"phase": "Bound"},
    }
