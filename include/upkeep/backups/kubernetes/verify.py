"""Whether a recreated namespace is what its archive says, and runs; and which components of one do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.kubernetes.archive import Archive
from upkeep.backups.kubernetes.comparing import (
    autoscaled,
    claims_of,
    differences,
    names_by_kind,
    present,
)
from upkeep.backups.kubernetes.components import WORKLOADS
from upkeep.backups.kubernetes.kinds import Object, label, served_kinds
from upkeep.backups.kubernetes.plan import find_namespace
from upkeep.backups.kubernetes.readiness import not_ready, unbound
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.backups.kubernetes.wanted import Target, Wanted, wanted
from upkeep.backups.model import Level, Proof
from upkeep.clients.kubernetes.api import Api

WAIT_SECONDS = 300.0
SHOWN = 5
"""Paths that a difference names; a wholly different object would name hundreds."""


def verify(archive: Archive, api: Api, target: Target, seconds: float = WAIT_SECONDS) -> Proof:
    """Return whether all objects are there as they were, workloads rolled out, and claims bound.

    seconds: how long rollouts and claims may take together. Evidence: counts by kind, wanted and there.
    """
    wish = wanted(archive, target)
    if find_namespace(api, target.namespace) is None:
        return _proof([f"Namespace/{target.namespace} is not there"], {})
    kinds = served_kinds(api)
    there = present(api, kinds, target.namespace, wish.objects)
    problems = [*_wrong(wish, there)]
    workloads = {label(obj) for obj in wish.objects if obj["kind"] in WORKLOADS}
    claims = claims_of(wish.objects)

    def waiting() -> list[str]:
        slow = not_ready(api, target.namespace, workloads) if workloads else []
        return [*slow, *(unbound(api, target.namespace, claims) if claims else ())]

    problems += wait_until_none(waiting, seconds)
    if archive.unopened:
        problems.append(f"{archive.unopened} sealed objects were not restored: no identity was given")
    evidence = {"wanted": names_by_kind(wish.objects), "there": names_by_kind(there.values())}
    return _proof(problems, evidence | {"left_out": len(wish.left_out)})


def failed_components(api: Api, namespace: str, archive: Archive | None = None) -> list[dict[str, str]]:
    """Return what has failed in a namespace: component (`Deployment/web`) and why. Only reads.

    Failed are workloads that are not available, and, with the newest export, what it holds and is gone.
    """
    failed = {line.partition(": ")[0]: line.partition(": ")[2] for line in not_ready(api, namespace)}
    if archive is not None:
        wish = wanted(archive, Target(namespace))
        there = present(api, served_kinds(api), namespace, wish.objects)
        for obj in wish.objects:
            if label(obj) not in there:
                failed[label(obj)] = f"gone since {archive.name}"
    return [{"component": name, "why": why} for name, why in sorted(failed.items())]


def _wrong(wish: Wanted, there: dict[str, Object]) -> Iterator[str]:
    scaled = autoscaled(wish.objects)
    for obj in wish.objects:
        found = there.get(label(obj))
        if found is None:
            yield f"{label(obj)} is missing"
        elif paths := differences(obj, found, label(obj) in scaled):
            more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
            yield f"{label(obj)} differs in {', '.join(paths[:SHOWN])}{more}"


def _proof(problems: list[str], evidence: dict[str, Any]) -> Proof:
    return Proof(Level.INVARIANTS, datetime.now(UTC), tuple(problems), evidence)
