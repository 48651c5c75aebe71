"""StatefulSets: numbered pods with claims of their own, made in order and replaced from the last."""

from __future__ import annotations

import copy

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import active, delete_pod, make_pod, ready_count
from sandbox.kubernetes.controllers.revisions import REVISION_LABEL, current_revision
from sandbox.kubernetes.defaults import with_defaults
from sandbox.kubernetes.objects import Key, Object, dig, is_deleting, is_ready, labels_of


class StatefulSets(Controller):
    """Keeps the numbered pods."""

    resource = "statefulsets.apps"

    def reconcile(self, key: Key) -> float | None:
        """Take one step: create the next pod, or delete the last surplus or outdated one."""
        stateful = self.get(key)
        if stateful is None or is_deleting(stateful):
            return None
        mark = current_revision(self, stateful)
        everything = {p["metadata"]["name"]: p for p in self.owned(stateful, "pods")}
        names = [f"{stateful['metadata']['name']}-{i}" for i in range(stateful["spec"]["replicas"])]
        self._create(stateful, everything, names, mark)
        self._delete(stateful, everything, names, mark)
        self._report(stateful, mark)
        return None

    def _create(self, stateful: Object, pods: dict[str, Object], names: list[str], mark: str) -> None:
        in_order = stateful["spec"]["podManagementPolicy"] == "OrderedReady"
        for name in names:
            if name not in pods:
                self._make(stateful, name, mark)
            if in_order and (name not in pods or not is_ready(pods[name])):
                return

    def _make(self, stateful: Object, name: str, mark: str) -> None:
        template = copy.deepcopy(stateful["spec"]["template"])
        volumes = template["spec"].get("volumes") or []
        for claim in stateful["spec"].get("volumeClaimTemplates") or ():
            claim_name = f"{claim['metadata']['name']}-{name}"
            self._claim(stateful, claim, claim_name)
            source = {"persistentVolumeClaim": {"claimName": claim_name}}
            volumes = [*volumes, {"name": claim["metadata"]["name"], **source}]
        if volumes:
            template["spec"]["volumes"] = volumes
        labels = {REVISION_LABEL: mark, "statefulset.kubernetes.io/pod-name": name}
        make_pod(self.cluster, stateful, template, name=name, labels=labels)

    def _claim(self, stateful: Object, template: Object, name: str) -> None:
        namespace = stateful["metadata"]["namespace"]
        if self.cluster.get("persistentvolumeclaims", (namespace, name)):
            return
        resource = self.cluster.registry["persistentvolumeclaims"]
        labels = {**labels_of(template), **(stateful["spec"]["selector"].get("matchLabels") or {})}
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": copy.deepcopy(template["spec"]),
        }
        self.cluster.store.create(resource, with_defaults(resource, claim))

    def _delete(self, stateful: Object, pods: dict[str, Object], names: list[str], mark: str) -> None:
        if any(is_deleting(p) for p in pods.values()):
            return
        surplus = sorted((n for n in pods if n not in names), key=_ordinal)
        if surplus:
            delete_pod(self.cluster, pods[surplus[-1]])
            return
        strategy = stateful["spec"]["updateStrategy"]
        first = int(dig(strategy, "rollingUpdate", "partition") or 0)
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        for name in reversed(names[first:]):
            pod = pods.get(name)
            if pod is None:
                return
            if labels_of(pod).get(REVISION_LABEL) != mark:
                delete_pod(self.cluster, pod)
                return
            if not is_ready(pod):
                return

    def _report(self, stateful: Object, mark: str) -> None:
        pods = active(self.owned(stateful, "pods"))
        updated = [p for p in pods if labels_of(p).get(REVISION_LABEL) == mark]
        name, before = stateful["metadata"]["name"], stateful.get("status") or {}
        ready, complete = ready_count(pods), len(updated) == stateful["spec"]["replicas"]
        done = complete and ready == stateful["spec"]["replicas"]
        update = f"{name}-{mark}"
        self.cluster.set_status(
            self.resource,
            stateful,
            observedGeneration=stateful["metadata"]["generation"],
            replicas=len(pods),
            readyReplicas=ready,
            availableReplicas=ready,
            currentReplicas=len(updated) if done else len(pods) - len(updated),
            updatedReplicas=len(updated),
            currentRevision=update if done else before.get("currentRevision", update),
            updateRevision=update,
            collisionCount=0,
        )


def _ordinal(name: str) -> int:
    return int(name.rpartition("-")[2])
