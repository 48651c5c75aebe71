"""Whether what should run in Kubernetes runs: rollouts, crash loops, failed jobs, nodes.

Everything reads the present, streams its list, and keeps only counts and a few examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from upkeep.catalog.models.system import Workload
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.rollouts import rollout_findings
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding, State

if TYPE_CHECKING:
    from upkeep.clients.kubernetes import Pod

CANNOT_START = {
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}
"""Why a container waits when it will not start by itself."""

PATIENCE = timedelta(minutes=15)
"""How long a pod may be pending: a large image on a new node takes some minutes."""

_MOST_SHOWN = 20


def workload_of(context: CheckContext) -> Workload:
    """Return where the system runs. Raises ConfigurationError if the catalog does not say."""
    if context.system.workload is None:
        raise ConfigurationError("the system's catalog file has no workload: say its namespace, or drop this")
    return context.system.workload


def workload_checks(context: CheckContext) -> list[Check]:
    """Return the checks of the system's workload."""
    workload = workload_of(context)
    asks: dict[str, Callable[[], Sequence[Finding]]] = {
        "pods": lambda: _pods(context, workload.namespace),
        "jobs": lambda: _failed_jobs(context, workload.namespace),
    }
    if workload.deployments or workload.statefulsets or workload.daemonsets:
        asks["rollouts"] = lambda: rollout_findings(context, workload)
    return [
        Check(name=name, source=f"kubernetes: {name} of {workload.namespace}", present=True, ask=ask)
        for name, ask in asks.items()
    ]


def node_check(context: CheckContext) -> Check:
    """Return the check of the cluster's nodes."""
    return Check(name="nodes", source="kubernetes: nodes", present=True, ask=lambda: _nodes(context))


class _Tally:
    """How many of a list are in trouble, and the first of them."""

    def __init__(self, check: str, state: State, source: str) -> None:
        self.check, self.state, self.source = check, state, source
        self.count = 0
        self.shown: list[dict[str, Any]] = []

    def add(self, **example: Any) -> None:
        self.count += 1
        if len(self.shown) < _MOST_SHOWN:
            self.shown.append(example)

    def finding(self, context: CheckContext, total: int, words: str) -> Finding:
        """Return the finding: `2 of 10 pods cannot start`."""
        return Finding(
            check=self.check,
            state=self.state if self.count else State.OK,
            summary=f"{self.count} of {total} {words}",
            source=self.source,
            observed_at=context.as_of,
            value=float(self.count),
            unit="count",
            limit="> 0",
            limit_value=0.0,
            evidence={"examples": self.shown} if self.shown else {},
        )

    def nothing(self, context: CheckContext, reason: str) -> Finding:
        """Return the finding that there was nothing to count."""
        return Finding(
            check=self.check,
            state=State.UNKNOWN,
            summary=f"{self.check}: nothing to look at",
            source=self.source,
            observed_at=context.as_of,
            reason=reason,
        )


def _pods(context: CheckContext, namespace: str) -> list[Finding]:
    source = f"kubernetes: pods of {namespace}"
    broken = _Tally("pods_crashing", State.CRITICAL, source)
    pending = _Tally("pods_pending", State.WARNING, source)
    now, seen = datetime.now(UTC), 0
    for pod in context.clients.kubernetes().pods(namespace):
        if (pod.owner or "").startswith("Job/"):
            continue  # failed_jobs speaks of those
        seen += 1
        if CANNOT_START.intersection(pod.waiting):
            broken.add(pod=pod.name, node=pod.node, containers=_stuck_containers(pod))
        elif pod.phase == "Pending" and now - pod.created_at > PATIENCE:
            reason = pod.reason or ", ".join(pod.waiting) or "no reason given"
            pending.add(pod=pod.name, reason=reason, since=pod.created_at.isoformat())
    if not seen:
        reason = f"there is no pod in the namespace {namespace}"
        return [tally.nothing(context, reason) for tally in (broken, pending)]
    minutes = f"{PATIENCE.total_seconds() / 60:g} min"
    return [
        broken.finding(context, seen, "pods cannot start"),
        pending.finding(context, seen, f"pods are pending for more than {minutes}"),
    ]


def _stuck_containers(pod: Pod) -> list[dict[str, Any]]:
    return [
        {"name": c.name, "why": c.waiting, "restarts": c.restarts, "last_exit": c.last_exit, "image": c.image}
        for c in pod.containers
        if c.waiting in CANNOT_START
    ]


def _failed_jobs(context: CheckContext, namespace: str) -> list[Finding]:
    failed = _Tally("failed_jobs", State.WARNING, f"kubernetes: jobs of {namespace}")
    total = 0
    for job in context.clients.kubernetes().jobs(namespace):
        if job.created_at < context.since:
            continue
        total += 1
        if job.failure:
            failed.add(job=job.name, why=job.failure, of=job.owner, at=job.created_at.isoformat())
    return [failed.finding(context, total, f"jobs since {context.since:%Y-%m-%d %H:%M %Z} failed")]


def _nodes(context: CheckContext) -> list[Finding]:
    source = "kubernetes: nodes"
    away = _Tally("nodes_not_ready", State.CRITICAL, source)
    pressed = _Tally("nodes_under_pressure", State.WARNING, source)
    total = 0
    for node in context.clients.kubernetes().nodes():
        total += 1
        if not node.ready:
            away.add(node=node.name, reason=node.reason)
        if node.pressures:
            pressed.add(node=node.name, conditions=list(node.pressures))
    if not total:
        return [tally.nothing(context, "the cluster lists no node") for tally in (away, pressed)]
    return [
        away.finding(context, total, "nodes are not ready"),
        pressed.finding(context, total, "nodes are short of something"),
    ]
