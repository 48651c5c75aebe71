"""ReplicaSets: as many pods of one template as asked for."""

from __future__ import annotations

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import active, delete_pod, make_pod, ready_count
from sandbox.kubernetes.objects import Key, is_deleting, is_ready


class ReplicaSets(Controller):
    """Keeps the number of pods."""

    resource = "replicasets.apps"

    def reconcile(self, key: Key) -> float | None:
        """Create or delete pods, and say how many there are."""
        replica_set = self.get(key)
        if replica_set is None or is_deleting(replica_set):
            return None
        name, spec = replica_set["metadata"]["name"], replica_set["spec"]
        pods = active(self.owned(replica_set, "pods"))
        for _ in range(spec["replicas"] - len(pods)):
            pods.append(make_pod(self.cluster, replica_set, spec["template"], generateName=f"{name}-"))
            message = f"Created pod: {pods[-1]['metadata']['name']}"
            self.cluster.events.normal(replica_set, "replicaset-controller", "SuccessfulCreate", message)
        surplus = sorted(pods, key=is_ready)[: max(len(pods) - spec["replicas"], 0)]
        for pod in surplus:
            delete_pod(self.cluster, pod)
            pods.remove(pod)
        ready = ready_count(pods)
        self.cluster.set_status(
            self.resource,
            replica_set,
            replicas=len(pods),
            fullyLabeledReplicas=len(pods),
            readyReplicas=ready,
            availableReplicas=ready,
            observedGeneration=replica_set["metadata"]["generation"],
        )
        return None
