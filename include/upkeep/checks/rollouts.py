"""Whether deployments, daemon sets and stateful sets have the pods that they should have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from upkeep.catalog.models.system import Workload
from upkeep.checks.context import CheckContext
from upkeep.checks.series import check_name
from upkeep.clients.answers import child, text, whole
from upkeep.findings import Finding, State


@dataclass(frozen=True)
class Rollout:
    """One of them: how many pods it should have, how many are ready and of the newest version."""

    kind: str
    name: str
    desired: int
    ready: int
    updated: int
    stuck: bool = False

    def judged(self, anything_runs: bool) -> tuple[State, str]:
        """Return the state and the words for it.

        anything_runs: something of the workload is meant to run, so that one at rest may be meant too, as
        the idle colour of two.
        """
        if self.desired == 0 and anything_runs:
            return State.OK, "is at rest (0 replicas)"
        if self.desired == 0:
            return State.CRITICAL, "has 0 replicas: nothing runs"
        counts = f"has {self.ready} of {self.desired} pods ready"
        if self.ready == 0:
            return State.CRITICAL, counts
        if self.ready < self.desired:
            return State.WARNING, counts
        if self.stuck:
            return State.WARNING, f"{counts}, but its rollout is stuck with {self.updated} updated"
        return State.OK, counts


def rollout_findings(context: CheckContext, workload: Workload) -> list[Finding]:
    """Return one finding for each that the catalog names; one that does not exist is critical."""
    expected = {
        "deployment": workload.deployments,
        "daemonset": workload.daemonsets,
        "statefulset": workload.statefulsets,
    }
    found = {(one.kind, one.name): one for one in _read(context, workload)}
    listed = [(kind, name) for kind, names in expected.items() for name in names]
    runs = any(found[key].desired for key in listed if key in found)
    return [
        _finding(context, workload.namespace, key, found[key].judged(runs), found[key])
        if key in found
        else _finding(context, workload.namespace, key, (State.CRITICAL, "does not exist"), None)
        for key in listed
    ]


def _read(context: CheckContext, workload: Workload) -> Iterable[Rollout]:
    kubernetes, namespace = context.clients.kubernetes(), workload.namespace
    if workload.deployments:
        for one in kubernetes.deployments(namespace):
            stuck = one.conditions.get("Progressing") == "False"
            yield Rollout("deployment", one.name, one.desired, one.ready, one.updated, stuck)
    if workload.daemonsets:
        for item in kubernetes.iterate("daemonsets", namespace):
            status = child(item, "status")
            desired, ready = whole(status, "desiredNumberScheduled"), whole(status, "numberReady")
            yield Rollout("daemonset", _name(item), desired, ready, whole(status, "updatedNumberScheduled"))
    if workload.statefulsets:
        for item in kubernetes.iterate("statefulsets", namespace):
            spec, status = child(item, "spec"), child(item, "status")
            desired = whole(spec, "replicas") if "replicas" in spec else 1
            ready, updated = whole(status, "readyReplicas"), whole(status, "updatedReplicas")
            yield Rollout("statefulset", _name(item), desired, ready, updated)


def _name(item: Mapping[str, Any]) -> str:
    return text(child(item, "metadata"), "name")


def _finding(
    context: CheckContext,
    namespace: str,
    key: tuple[str, str],
    judged: tuple[State, str],
    rollout: Rollout | None,
) -> Finding:
    kind, name = key
    state, said = judged
    return Finding(
        check=check_name(kind, {"name": name}),
        state=state,
        summary=f"The {kind} {name} {said}",
        source=f"kubernetes: {kind}s of {namespace}",
        observed_at=context.as_of,
        value=float(rollout.ready) if rollout else None,
        unit="count",
        limit=f"< {rollout.desired}" if rollout else None,
        limit_value=float(rollout.desired) if rollout else None,
        evidence={"desired": rollout.desired, "updated": rollout.updated} if rollout else {},
    )
