"""DaemonSets: one pod on every node that takes it, replaced one after the other when the template changes."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import active, delete_pod, make_pod, ready_count
from sandbox.kubernetes.controllers.revisions import REVISION_LABEL, current_revision
from sandbox.kubernetes.controllers.scheduling import takes
from sandbox.kubernetes.objects import Key, Object, dig, is_deleting, is_ready, key_of, labels_of
from sandbox.kubernetes.store import Change


class DaemonSets(Controller):
    """Keeps the daemons."""

    resource = "daemonsets.apps"

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at every daemon set when a node comes, goes or changes."""
        if change.resource.qualified == "nodes":
            return [key_of(d) for d in self.cluster.all(self.resource)]
        return super().interested(change)

    def reconcile(self, key: Key) -> float | None:
        """Create, replace and delete pods, and say how many there are."""
        daemons = self.get(key)
        if daemons is None or is_deleting(daemons):
            return None
        mark = current_revision(self, daemons)
        spec = daemons["spec"]["template"]["spec"]
        nodes = {n["metadata"]["name"] for n in self.cluster.all("nodes") if takes(n, spec, daemon=True)}
        everything = self.owned(daemons, "pods")
        pods = active(everything)
        for pod in [p for p in pods if p["spec"].get("nodeName") not in nodes]:
            delete_pod(self.cluster, pod)
            pods.remove(pod)
        occupied = {p["spec"].get("nodeName") for p in everything}
        for name in sorted(nodes - occupied):
            pods.append(self._make(daemons, name, mark))
        self._replace(daemons, pods, mark, len(nodes))
        self._report(daemons, pods, mark, len(nodes))
        return None

    def _make(self, daemons: Object, node: str, mark: str) -> Object:
        template = daemons["spec"]["template"]
        template = {**template, "spec": {**template["spec"], "nodeName": node}}
        name = f"{daemons['metadata']['name']}-"
        return make_pod(self.cluster, daemons, template, generateName=name, labels={REVISION_LABEL: mark})

    def _replace(self, daemons: Object, pods: list[Object], mark: str, wanted: int) -> None:
        """Delete outdated pods: those that do not serve at once, the others within maxUnavailable."""
        strategy = daemons["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        limit = dig(strategy, "rollingUpdate", "maxUnavailable")
        limit = limit if isinstance(limit, int) else max(wanted * int(str(limit).removesuffix("%")) // 100, 1)
        outdated = [p for p in pods if labels_of(p).get(REVISION_LABEL) != mark]
        missing = wanted - ready_count(pods)
        for pod in sorted(outdated, key=is_ready):
            if is_ready(pod):
                if missing >= limit:
                    break
                missing += 1
            delete_pod(self.cluster, pod)

    def _report(self, daemons: Object, pods: list[Object], mark: str, wanted: int) -> None:
        ready = ready_count(pods)
        missing = max(wanted - ready, 0)
        self.cluster.set_status(
            self.resource,
            daemons,
            observedGeneration=daemons["metadata"]["generation"],
            desiredNumberScheduled=wanted,
            currentNumberScheduled=len(pods),
            numberMisscheduled=0,
            numberReady=ready,
            numberAvailable=ready,
            numberUnavailable=missing or None,
            updatedNumberScheduled=sum(labels_of(p).get(REVISION_LABEL) == mark for p in pods),
        )
