"""Deployments: rollouts through ReplicaSets, their progress, their failure and their history."""

from __future__ import annotations

import copy

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import template_hash
from sandbox.kubernetes.controllers.progress import deployment_status, seconds_to_deadline
from sandbox.kubernetes.deletion import BACKGROUND, delete
from sandbox.kubernetes.objects import (
    Key,
    Object,
    annotations_of,
    dig,
    is_deleting,
    labels_of,
    owner_reference,
    with_metadata,
)
from sandbox.kubernetes.quantities import parse_quantity

REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
_COMPONENT = "deployment-controller"


class Deployments(Controller):
    """Rolls deployments out."""

    resource = "deployments.apps"

    def reconcile(self, key: Key) -> float | None:
        """Take the rollout one step further."""
        deployment = self.get(key)
        if deployment is None or is_deleting(deployment):
            return None
        sets = self.owned(deployment, "replicasets.apps")
        new = next((s for s in sets if _bare_template(s) == deployment["spec"]["template"]), None)
        if new is None and not deployment["spec"].get("paused"):
            new = self._create_set(deployment, sets)
            sets = [*sets, new]
        if new is not None:
            deployment = self._number(deployment, new, sets)
            sets = self.owned(deployment, "replicasets.apps")
            new = next(s for s in sets if s["metadata"]["uid"] == new["metadata"]["uid"])
        self._scale(deployment, new, [s for s in sets if s is not new])
        self._drop_history(deployment, new, sets)
        status = deployment_status(
            deployment, new, self.owned(deployment, "replicasets.apps"), self.cluster.clock
        )
        self.cluster.store.set_status(self.cluster.registry[self.resource], deployment, status)
        return seconds_to_deadline(deployment, status, self.cluster.clock.now())

    def _create_set(self, deployment: Object, sets: list[Object]) -> Object:
        template = copy.deepcopy(deployment["spec"]["template"])
        mark = template_hash(template)
        metadata = template.setdefault("metadata", {})
        metadata["labels"] = {**(metadata.get("labels") or {}), HASH_LABEL: mark}
        selector = copy.deepcopy(deployment["spec"]["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: mark}
        new = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{deployment['metadata']['name']}-{mark}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": metadata["labels"],
                "annotations": {REVISION: str(_last_revision(sets) + 1)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
            "status": {"replicas": 0},
        }
        return self.cluster.store.create(self.cluster.registry["replicasets.apps"], new)

    def _number(self, deployment: Object, new: Object, sets: list[Object]) -> Object:
        """Give the current set the highest revision (an older one returns after an undo)."""
        last = _last_revision(sets)
        change_cause = annotations_of(deployment).get("kubernetes.io/change-cause")
        annotations = {**annotations_of(new), REVISION: str(last if _revision(new) == last else last + 1)}
        if change_cause:
            annotations["kubernetes.io/change-cause"] = change_cause
        registry, store = self.cluster.registry, self.cluster.store
        store.update(registry["replicasets.apps"], with_metadata(new, annotations=annotations))
        own = {**annotations_of(deployment), REVISION: annotations[REVISION]}
        return store.update(registry[self.resource], with_metadata(deployment, annotations=own))

    def _scale(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        """Add pods to the new set and take them from the old ones, within surge and unavailability."""
        wanted = deployment["spec"]["replicas"]
        if new is None or deployment["spec"].get("paused"):
            self._scale_paused(deployment, [*([new] if new else []), *old])
            return
        recreate = deployment["spec"]["strategy"]["type"] == "Recreate"
        if recreate:
            pods_left = sum(dig(s, "status", "replicas") or 0 for s in old)
            room, keep = 0 if pods_left else wanted, 0
        else:
            surge, unavailable = _bounds(deployment)
            room = wanted + surge - sum(s["spec"]["replicas"] for s in old)
            keep = max(wanted - unavailable - _available(new), 0)
        self._resize(deployment, new, min(wanted, max(room, new["spec"]["replicas"])))
        self._shrink(deployment, old, keep)

    def _scale_paused(self, deployment: Object, sets: list[Object]) -> None:
        """While paused, the largest set alone follows a change of the number of replicas."""
        if not sets:
            return
        largest = max(sets, key=lambda s: int(s["spec"]["replicas"]))
        total = sum(s["spec"]["replicas"] for s in sets)
        replicas = largest["spec"]["replicas"] + deployment["spec"]["replicas"] - total
        self._resize(deployment, largest, max(replicas, 0))

    def _shrink(self, deployment: Object, old: list[Object], keep: int) -> None:
        """Scale the old sets down to `keep` available pods in all; pods that are not available go first."""
        spare = max(sum(_available(s) for s in old) - keep, 0)
        for replica_set in old:
            replicas = replica_set["spec"]["replicas"]
            available = min(_available(replica_set), replicas)
            taken = min(spare, available)
            spare -= taken
            self._resize(deployment, replica_set, available - taken)

    def _resize(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        before = replica_set["spec"]["replicas"]
        if before == replicas:
            return
        changed = {**replica_set, "spec": {**replica_set["spec"], "replicas": replicas}}
        self.cluster.store.update(self.cluster.registry["replicasets.apps"], changed)
        word = "up" if replicas > before else "down"
        message = f"Scaled {word} replica set {replica_set['metadata']['name']} from {before} to {replicas}"
        self.cluster.events.normal(deployment, _COMPONENT, "ScalingReplicaSet", message)

    def _drop_history(self, deployment: Object, new: Object | None, sets: list[Object]) -> None:
        idle = [
            s for s in sets if s is not new and not s["spec"]["replicas"] and not dig(s, "status", "replicas")
        ]
        surplus = len(idle) - deployment["spec"]["revisionHistoryLimit"]
        for replica_set in sorted(idle, key=_revision)[: max(surplus, 0)]:
            delete(self.cluster, self.cluster.registry["replicasets.apps"], replica_set, BACKGROUND)


def _available(replica_set: Object) -> int:
    return int(dig(replica_set, "status", "availableReplicas") or 0)


def _revision(replica_set: Object) -> int:
    return int(annotations_of(replica_set).get(REVISION, 0))


def _last_revision(sets: list[Object]) -> int:
    return max(map(_revision, sets), default=0)


def _bare_template(replica_set: Object) -> Object:
    """Return the template as the deployment had it, without the hash label."""
    template: Object = copy.deepcopy(replica_set["spec"]["template"])
    labels = {key: value for key, value in labels_of(template).items() if key != HASH_LABEL}
    template["metadata"]["labels"] = labels
    return template


def _bounds(deployment: Object) -> tuple[int, int]:
    """Return how many pods may be there beyond the wanted ones, and how many may be missing."""
    rolling, wanted = deployment["spec"]["strategy"]["rollingUpdate"], deployment["spec"]["replicas"]
    surge = _share(rolling["maxSurge"], wanted, up=True)
    unavailable = _share(rolling["maxUnavailable"], wanted, up=False)
    return surge, unavailable if surge or unavailable else 1


def _share(value: int | str, total: int, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = parse_quantity(value.removesuffix("%")) * total / 100
    return int(-(-share // 1)) if up else int(share)
