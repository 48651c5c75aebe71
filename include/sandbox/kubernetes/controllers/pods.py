"""Pods: a scheduler and a kubelet in one. It places a pod, starts it, and lets it run, crash or end."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes import podstatus
from sandbox.kubernetes.behaviours import NEVER_READY, exit_code, run_seconds, start_lines
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.crashes import crash, crash_of, heal, is_crashing
from sandbox.kubernetes.controllers.mounts import environment, missing_part
from sandbox.kubernetes.controllers.scheduling import Scheduler
from sandbox.kubernetes.deletion import finish
from sandbox.kubernetes.objects import Key, Object, annotations_of, dig, is_deleting, is_finished, key_of
from sandbox.kubernetes.store import Change

START_SECONDS = 0.15
STOP_SECONDS = 0.1
_RECHECK_SECONDS = 0.5
_PROGRAM_SECONDS = 0.1
_INSTANT_SECONDS = 0.001
"""What is left of a step because clocks round is nothing."""


class Pods(Controller):
    """Runs the pods."""

    resource = "pods"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._scheduler = Scheduler(cluster)
        self._begun: dict[str, dict[str, float]] = {}

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at changed pods, and at pods without a place when a node changes."""
        if change.resource.qualified == "nodes":
            return [key_of(p) for p in self.cluster.all("pods") if not p["spec"].get("nodeName")]
        if change.resource.qualified != "pods":
            return []
        if change.type == "DELETED":
            self.cluster.logs.forget(change.object)
            self.cluster.programs.forget(change.object)
            self._begun.pop(change.object["metadata"]["uid"], None)
        return [key_of(change.object)]

    def reconcile(self, key: Key) -> float | None:
        """Take the pod one step through its life."""
        pod = self.get(key)
        if pod is None:
            return None
        if is_deleting(pod):
            return self._stop(pod)
        if not pod["spec"].get("nodeName"):
            self._scheduler.place(pod)
            return None
        return None if is_finished(pod) else self._live(pod)

    def _live(self, pod: Object) -> float | None:
        """Take a pod that has its place one step further."""
        if dig(pod, "status", "startTime") is None:
            changes = podstatus.creating(pod, self.cluster.clock.stamp())
            self.cluster.set_status("pods", pod, **changes)
            return self._left(pod, "start", START_SECONDS)
        if dig(pod, "status", "podIP") is None:
            return self._left(pod, "start", START_SECONDS) or self._start(pod)
        return self._attend(pod)

    def _left(self, pod: Object, step: str, seconds: float) -> float:
        """Return the seconds left of a step that takes `seconds` from its first mention on, or zero."""
        now = self.cluster.clock.now().timestamp()
        begun = self._begun.setdefault(pod["metadata"]["uid"], {}).setdefault(step, now)
        left = begun + seconds - now
        return left if left > _INSTANT_SECONDS else 0.0

    def _stop(self, pod: Object) -> float | None:
        """Let the containers end. They have the grace period to do so; only real programs may need it."""
        grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        if self.cluster.programs.at_work(pod):
            self.cluster.programs.stop(pod, now=not self._left(pod, "stop", grace))
            return _PROGRAM_SECONDS
        if left := self._left(pod, "stop", min(grace, STOP_SECONDS)):
            self.cluster.events.normal(pod, "kubelet", "Killing", "Stopping the containers")
            return left
        finish(self.cluster, self.cluster.registry["pods"], pod)
        return None

    def _start(self, pod: Object) -> float | None:
        """Start the containers, unless a volume, a reference or an image is missing."""
        if missing := missing_part(self.cluster, pod):
            self.cluster.events.warning(pod, "kubelet", "FailedMount", missing.message)
            self._wait(pod, missing.reason, missing.message, everything=True)
            return _RECHECK_SECONDS
        images = [container["image"] for container in pod["spec"]["containers"]]
        lost = [image for image in images if not self.cluster.behaviours.can_pull(image)]
        if lost:
            message = f'Back-off pulling image "{lost[0]}"'
            first = self._left(pod, "pull", _RECHECK_SECONDS)
            self._wait(pod, "ErrImagePull" if first else "ImagePullBackOff", message)
            self.cluster.events.warning(
                pod, "kubelet", "Failed", f'Failed to pull image "{lost[0]}": not found'
            )
            return _RECHECK_SECONDS
        now = self.cluster.clock.now()
        changes = podstatus.started(pod, NEVER_READY not in annotations_of(pod), self.cluster.clock.stamp())
        for container in pod["spec"]["containers"]:
            self.cluster.logs.append(pod, container["name"], start_lines(pod, now))
            message = f"Started container {container['name']}"
            self.cluster.events.normal(pod, "kubelet", "Started", message)
        pod = self.cluster.set_status("pods", pod, **changes)
        self.cluster.programs.start(pod, environment(self.cluster, pod))
        return None

    def _wait(self, pod: Object, reason: str, message: str, everything: bool = False) -> None:
        pairs = zip(pod["status"]["containerStatuses"], pod["spec"]["containers"], strict=True)
        statuses = [
            {**status, "state": podstatus.waiting(reason, message)}
            if everything or not self.cluster.behaviours.can_pull(container["image"])
            else status
            for status, container in pairs
        ]
        self.cluster.set_status("pods", pod, containerStatuses=statuses)

    def _attend(self, pod: Object) -> float | None:
        """Look at started containers: crashing, healed, or at their end."""
        if rule := crash_of(self.cluster, pod):
            return crash(self.cluster, pod, rule)
        if is_crashing(pod):
            heal(self.cluster, pod)
            return None
        self._probe(pod)
        if pod["spec"].get("restartPolicy") == "Always":
            return None
        if self.cluster.programs.runs(pod):
            return self._follow(pod)
        restarts = pod["status"]["containerStatuses"][0]["restartCount"]
        if left := self._left(pod, f"run {restarts}", run_seconds(pod)):
            return left
        self._end(pod, exit_code(pod))
        return None

    def _follow(self, pod: Object) -> float | None:
        """Look whether a real program has ended."""
        code = self.cluster.programs.ended(pod)
        if code is None:
            return _PROGRAM_SECONDS
        now, name = self.cluster.clock.now(), pod["spec"]["containers"][0]["name"]
        self.cluster.logs.append(pod, name, [(now, line) for line in self.cluster.programs.output(pod)])
        self._end(pod, code)
        return None

    def _probe(self, pod: Object) -> None:
        """Follow the readiness annotation, which a client may change."""
        statuses, ready = pod["status"]["containerStatuses"], NEVER_READY not in annotations_of(pod)
        if any("running" in s["state"] and s["ready"] != ready for s in statuses):
            changes = podstatus.with_readiness(pod, statuses, ready, self.cluster.clock.stamp())
            self.cluster.set_status("pods", pod, **changes)

    def _end(self, pod: Object, code: int) -> None:
        stamp = self.cluster.clock.stamp()
        if code == 0 or pod["spec"].get("restartPolicy") == "Never":
            self.cluster.set_status("pods", pod, **podstatus.ended(pod, code, stamp))
            return
        statuses = [
            {
                **status,
                "restartCount": status["restartCount"] + 1,
                "lastState": podstatus.terminated(status, code, "Error", stamp),
                "state": podstatus.running(stamp),
            }
            for status in pod["status"]["containerStatuses"]
        ]
        self.cluster.set_status("pods", pod, containerStatuses=statuses)
