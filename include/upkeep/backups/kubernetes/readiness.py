"""Whether the workloads and claims of a namespace do what their objects ask for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from upkeep.backups.kubernetes.kinds import CLAIMS, STORAGE_CLASSES, Kind, Object, label, listed, name_of
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.clients.answers import child, children, whole
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import TemporaryError

APPS = tuple(
    Kind("apps", plural, "v1", kind, True)
    for plural, kind in (
        ("deployments", "Deployment"),
        ("statefulsets", "StatefulSet"),
        ("daemonsets", "DaemonSet"),
    )
)


def not_ready(api: Api, namespace: str, names: Collection[str] | None = None) -> list[str]:
    """Return a sentence for each workload that is not rolled out and available.

    names: of those to look at, such as `Deployment/web`; all without.
    """
    return [
        f"{label(obj)}: {why}"
        for kind in APPS
        for obj in listed(api, kind, namespace)
        if (names is None or label(obj) in names) and (why := lacking(obj))
    ]


def roll_out(api: Api, namespace: str, names: Collection[str], seconds: float) -> None:
    """Wait until workloads are rolled out; raise TemporaryError with what they lack after `seconds`."""
    if left := wait_until_none(lambda: not_ready(api, namespace, names), seconds):
        raise TemporaryError(f"{namespace}: not rolled out after {seconds:g} s: {'; '.join(left)}")


def lacking(obj: Object) -> str | None:
    """Return what a workload lacks, None if it is rolled out and available."""
    status, spec, metadata = child(obj, "status"), child(obj, "spec"), child(obj, "metadata")
    if whole(status, "observedGeneration") < whole(metadata, "generation"):
        return "its controller has not seen it yet"
    why = _COUNTS[obj["kind"]](spec, status)
    if why is None:
        return None
    stuck = [c.get("message") for c in children(status, "conditions") if c.get("status") == "False"]
    return why + (f" ({stuck[0]})" if stuck and stuck[0] else "")


def _counted(wanted: int, **have: int) -> str | None:
    short = [f"{count} of {wanted} {word}" for word, count in have.items() if count < wanted]
    return ", ".join(short) or None


def _deployment(spec: dict[str, Any], status: dict[str, Any]) -> str | None:
    wanted = whole(spec, "replicas")
    return _counted(
        wanted, updated=whole(status, "updatedReplicas"), available=whole(status, "availableReplicas")
    )


def _stateful_set(spec: dict[str, Any], status: dict[str, Any]) -> str | None:
    return _counted(whole(spec, "replicas"), ready=whole(status, "readyReplicas"))


def _daemon_set(spec: dict[str, Any], status: dict[str, Any]) -> str | None:
    del spec
    wanted = whole(status, "desiredNumberScheduled")
    return _counted(
        wanted, updated=whole(status, "updatedNumberScheduled"), available=whole(status, "numberAvailable")
    )


_COUNTS: dict[str, Callable[[dict[str, Any], dict[str, Any]], str | None]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}


def late_classes(api: Api) -> set[str]:
    """Return the storage classes that bind a claim only when a pod uses it."""
    return {
        name_of(obj)
        for obj in listed(api, STORAGE_CLASSES, None)
        if obj.get("volumeBindingMode") == "WaitForFirstConsumer"
    }


def unbound(api: Api, namespace: str, names: Collection[str], late: Collection[str] = ()) -> Iterator[str]:
    """Yield a sentence for each of the claims that is not bound; `late`: classes that are not asked."""
    for obj in listed(api, CLAIMS, namespace):
        phase = child(obj, "status").get("phase")
        if (
            name_of(obj) in names
            and phase != "Bound"
            and child(obj, "spec").get("storageClassName") not in late
        ):
            yield f"{label(obj)}: {phase or 'not seen yet'}"
