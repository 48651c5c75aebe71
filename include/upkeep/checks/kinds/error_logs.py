"""Error lines in the logs of the pods that run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import Field

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.judged import Source
from upkeep.checks.log_review import LogParameters, Reading, review
from upkeep.checks.registry import Reads, register
from upkeep.checks.workload import workload_of
from upkeep.errors import PermanentError, TemporaryError
from upkeep.findings import Finding

if TYPE_CHECKING:
    from upkeep.clients.kubernetes import Kubernetes, Pod
    from upkeep.clients.logs import LogLine

_CHECK = "error_logs"


class ErrorLogsParameters(LogParameters):
    """Whose logs, which lines, how many are too many."""

    selectors: tuple[str, ...] = ("",)
    """Label selectors of the pods; by default all pods of the namespace."""
    pods_most: int = Field(default=100, gt=0)
    """Pods that are read; of more, the count is a lower bound."""
    lines_most: int = Field(default=50_000, gt=0)
    """Lines that are read of one container, the newest; of more, the count is a lower bound."""


@register("error_logs", reads=Reads.PRESENT, parameters=ErrorLogsParameters)
def error_logs(context: CheckContext, parameters: ErrorLogsParameters) -> Iterable[Check]:
    """Error lines of the pods' logs since the last review, grouped by pattern, with first and last seen.

    What a container wrote before its last restart is read too.
    """
    namespace = workload_of(context).namespace
    chosen = ", ".join(filter(None, parameters.selectors)) or "all"
    source = Source(f"kubernetes: logs of pods {chosen} in {namespace}", context.as_of)

    def ask() -> Finding:
        reader = _Reader(context, parameters, context.clients.kubernetes(), namespace)
        lines = reader.lines()
        found = review(_CHECK, source, lines, parameters, reader.reading)
        if not reader.pods:
            return source.unknown(_CHECK, "Error lines", f"no pod of {namespace} matches {chosen}")
        more = {"pods": reader.pods, **({"not_read": reader.unread[:10]} if reader.unread else {})}
        return replace(found, evidence={**found.evidence, **more})

    return [Check(name=_CHECK, source=source.name, present=True, ask=ask)]


@dataclass
class _Reader:
    """Reads one container after the other; what cannot be read is remembered."""

    context: CheckContext
    parameters: ErrorLogsParameters
    kubernetes: Kubernetes
    namespace: str
    reading: Reading = field(default_factory=Reading)
    pods: int = 0
    unread: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[LogLine]:
        """Yield the lines of all chosen pods."""
        seen: set[str] = set()
        for selector in self.parameters.selectors:
            for pod in self.kubernetes.pods(self.namespace, selector or None):
                if pod.name in seen:
                    continue
                if len(seen) >= self.parameters.pods_most:
                    self.reading.cut_short = True
                    return
                seen.add(pod.name)
                self.pods = len(seen)
                yield from self._pod(pod)

    def _pod(self, pod: Pod) -> Iterator[LogLine]:
        for container in pod.containers:
            if container.restarts:
                yield from self._container(pod.name, container.name, previous=True)
            yield from self._container(pod.name, container.name, previous=False)

    def _container(self, pod: str, container: str, *, previous: bool) -> Iterator[LogLine]:
        from upkeep.clients.logs import pod_logs

        count = 0
        try:
            for line in pod_logs(
                self.kubernetes,
                self.namespace,
                pod,
                container,
                start=self.context.since,
                end=self.context.as_of,
                previous=previous,
                max_lines=self.parameters.lines_most,
            ):
                count += 1
                yield line
        except TemporaryError:
            raise
        except PermanentError as e:
            # One that has gone, or has not started, has no log; the others' count stands.
            self.unread.append(f"{pod}/{container}: {e}")
        self.reading.cut_short = self.reading.cut_short or count >= self.parameters.lines_most
