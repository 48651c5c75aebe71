"""How much of what they may use pods and nodes use, from metrics.k8s.io."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upkeep.catalog.models import Limit
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.judged import Source
from upkeep.checks.limits import Bound, bounds
from upkeep.checks.workload import workload_of
from upkeep.findings import Finding
from upkeep.findings.units import format_value

if TYPE_CHECKING:
    from upkeep.clients.kubernetes import Usage

_MOST_SHOWN = 10


@dataclass(frozen=True)
class UsageLimits:
    """Shares of what may be used above which it is a warning, or critical."""

    cpu_warn_ratio: float
    memory_warn_ratio: float
    memory_critical_ratio: float

    def cpu(self) -> list[Bound]:
        """A busy processor makes slow, it does not break."""
        return bounds([above(self.cpu_warn_ratio)], [])

    def memory(self) -> list[Bound]:
        """What goes beyond its memory is killed."""
        return bounds([above(self.memory_warn_ratio)], [above(self.memory_critical_ratio)])


def above(ratio: float) -> Limit:
    """Return the limit that a share must not exceed."""
    return Limit(above=f"{ratio * 100:g} %")


def pod_usage_check(context: CheckContext, limits: UsageLimits) -> Check:
    """Return the check of the system's pods against their limits."""
    namespace = workload_of(context).namespace
    source = Source(f"kubernetes: metrics.k8s.io pods of {namespace}", context.as_of)

    def ask() -> Sequence[Finding]:
        kubernetes = context.clients.kubernetes()
        most = {
            pod.name: (pod.cpu_limit_cores, pod.memory_limit_bytes)
            for pod in kubernetes.pods(namespace)
            if pod.phase == "Running"
        }
        return _findings(source, ("pods", "of its limit"), most, kubernetes.pod_usage(namespace), limits)

    return Check(name="pod_usage", source=source.name, present=True, ask=ask)


def node_usage_check(context: CheckContext, limits: UsageLimits) -> Check:
    """Return the check of the cluster's nodes against what they can give."""
    source = Source("kubernetes: metrics.k8s.io nodes", context.as_of)

    def ask() -> Sequence[Finding]:
        kubernetes = context.clients.kubernetes()
        most = {node.name: (node.allocatable_cores, node.allocatable_bytes) for node in kubernetes.nodes()}
        return _findings(source, ("nodes", "of what it can give"), most, kubernetes.node_usage(), limits)

    return Check(name="node_usage", source=source.name, present=True, ask=ask)


def _findings(
    source: Source,
    words: tuple[str, str],
    most: Mapping[str, tuple[float | None, float | None]],
    usages: Iterable[Usage],
    limits: UsageLimits,
) -> list[Finding]:
    """Return one finding for CPU and one for memory, each about the one that uses most of its own."""
    shares: dict[str, list[tuple[float, str]]] = {"cpu": [], "memory": []}
    seen = 0
    for usage in usages:
        cpu, memory = most.get(usage.name, (None, None))
        seen += usage.name in most
        if cpu:
            shares["cpu"].append((usage.cpu_cores / cpu, usage.name))
        if memory:
            shares["memory"].append((usage.memory_bytes / memory, usage.name))
    found = []
    for resource, of in (("cpu", limits.cpu()), ("memory", limits.memory())):
        check = f"{words[0]}_{resource}_share"
        title = f"{resource.upper() if resource == 'cpu' else 'Memory'} {words[1]}"
        if not shares[resource]:
            none = f"none of {len(most)} {words[0]} has a {resource} limit"
            reason = none if seen else f"no usage is reported for any of {len(most)} {words[0]}"
            found.append(source.unknown(check, title, reason))
            continue
        top = heapq.nlargest(_MOST_SHOWN, shares[resource])
        evidence = {
            "most": [[name, format_value(share, "ratio")] for share, name in top],
            "compared": len(shares[resource]),
            "without_limit_or_usage": len(most) - len(shares[resource]),
        }
        said = f"{title} used by {top[0][1]}"
        found.append(source.number(check, said, (top[0][0], "ratio"), of, evidence))
    return found
