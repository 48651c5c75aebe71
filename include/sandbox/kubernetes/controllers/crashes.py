"""Crash loops: a container that fails on start waits longer and longer before the next try."""

from __future__ import annotations

from sandbox.kubernetes.behaviours import Crash
from sandbox.kubernetes.clock import seconds_since
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.podstatus import running, terminated, waiting, with_readiness

BACK_OFF = "CrashLoopBackOff"
_SECONDS = (10, 20, 40, 80, 160, 300)


def crash_of(cluster: Cluster, pod: Object) -> Crash | None:
    """Return the rule by which one of the pod's containers crashes, or None."""
    found = (cluster.behaviours.crash_of(pod, container) for container in pod["spec"]["containers"])
    return next((crash for crash in found if crash), None)


def is_crashing(pod: Object) -> bool:
    """Tell whether a container of the pod is in its back-off."""
    statuses = dig(pod, "status", "containerStatuses") or []
    return any(dig(s, "state", "waiting", "reason") == BACK_OFF for s in statuses)


def crash(cluster: Cluster, pod: Object, rule: Crash) -> float:
    """Let the rule's containers crash if they run or their back-off is over; return the next back-off."""
    now, stamp = cluster.clock.now(), cluster.clock.stamp()
    statuses, waits = [], []
    pairs = zip(pod["status"]["containerStatuses"], pod["spec"]["containers"], strict=True)
    for status, container in pairs:
        if cluster.behaviours.crash_of(pod, container) is not rule:
            statuses.append(status)
            continue
        left = _left(status, seconds_since(_last_end(status) or stamp, now))
        if left <= 0:
            status = _crashed(pod, status, rule, stamp)  # noqa: PLW2901
            if rule.log:
                cluster.logs.set_previous(pod, container["name"], rule.lines(now))
                cluster.logs.append(pod, container["name"], rule.lines(now))
            message = f"Back-off restarting failed container {container['name']}"
            cluster.events.warning(pod, "kubelet", "BackOff", message)
        statuses.append(status)
        waits.append(max(left, 0.0) or _back_off(status["restartCount"]))
    cluster.set_status("pods", pod, phase="Running", **with_readiness(pod, statuses, True, stamp))
    return min(waits)


def heal(cluster: Cluster, pod: Object) -> None:
    """Let the containers that were in their back-off run again."""
    stamp = cluster.clock.stamp()
    statuses = [
        s
        if dig(s, "state", "waiting", "reason") != BACK_OFF
        else {**s, "state": running(stamp), "restartCount": s["restartCount"] + 1}
        for s in pod["status"]["containerStatuses"]
    ]
    cluster.set_status("pods", pod, **with_readiness(pod, statuses, True, stamp))


def _crashed(pod: Object, status: Object, rule: Crash, stamp: str) -> Object:
    first = dig(status, "state", "waiting", "reason") != BACK_OFF
    message = f"back-off restarting failed container={status['name']} pod={pod['metadata']['name']}"
    return {
        **status,
        "restartCount": status["restartCount"] + (rule.restarts if first else 1),
        "lastState": terminated(status, rule.exit_code, rule.reason, stamp),
        "state": waiting(BACK_OFF, message),
    }


def _left(status: Object, since_end: float) -> float:
    """Return the seconds until the container's next try; zero or less if it is due."""
    if dig(status, "state", "waiting", "reason") != BACK_OFF:
        return 0.0
    return _back_off(status["restartCount"]) - since_end


def _last_end(status: Object) -> str | None:
    end: str | None = dig(status, "lastState", "terminated", "finishedAt")
    return end


def _back_off(restarts: int) -> float:
    return float(_SECONDS[min(max(restarts, 1), len(_SECONDS)) - 1])
