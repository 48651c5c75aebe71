"""What of a wanted object a cluster has otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from upkeep.backups.kubernetes.kinds import Kind, Object, identity, label, listed, name_of
from upkeep.clients.answers import child
from upkeep.clients.kubernetes.api import Api


def present(api: Api, kinds: Iterable[Kind], namespace: str, objects: list[Object]) -> dict[str, Object]:
    """Return what is there of the objects, by label: one list for each of their kinds."""
    asked = {identity(obj) for obj in objects}
    names = {label(obj) for obj in objects}
    found = {}
    for kind in kinds:
        if (kind.api_version, kind.kind) in asked:
            for obj in listed(api, kind, namespace):
                if label(obj) in names:
                    found[label(obj)] = obj
    return found


def differences(wanted: Object, there: Object, scaled: bool = False) -> list[str]:
    """Return the paths at which an object is not as wanted; what nobody asked for is no difference.

    scaled: an autoscaler owns its replicas.

    >>> differences({"spec": {"a": 1, "b": [2]}}, {"spec": {"a": 1, "b": [3], "c": 4}})
    ['spec.b[0]']
    """
    ignored = {"spec.replicas"} if scaled else set()
    ignored |= {"apiVersion", "metadata.namespace", "spec.dataSource"}
    return [path for path in _differ(wanted, there, "") if path not in ignored]


def autoscaled(objects: Iterable[Object]) -> set[str]:
    """Return the labels of the workloads whose replicas an autoscaler sets."""
    targets = (
        child(child(obj, "spec"), "scaleTargetRef")
        for obj in objects
        if obj["kind"] == "HorizontalPodAutoscaler"
    )
    return {f"{target.get('kind')}/{target.get('name')}" for target in targets}


def _differ(wanted: Any, there: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(there, dict):
        for key, value in wanted.items():
            yield from _differ(value, there.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        for number, (one, other) in enumerate(zip(wanted, there, strict=True)):
            yield from _differ(one, other, f"{path}[{number}]")
    elif wanted != there and (wanted or there):
        # The server drops what is empty: null, {}, [], "", 0 and false say the same as nothing.
        yield path


def names_by_kind(objects: Iterable[Object]) -> dict[str, int]:
    """Return how many objects there are of each kind."""
    counts: dict[str, int] = {}
    for obj in objects:
        counts[obj["kind"]] = counts.get(obj["kind"], 0) + 1
    return counts


def claims_of(objects: Iterable[Object]) -> set[str]:
    """Return the names of the claims among the objects."""
    return {name_of(obj) for obj in objects if obj["kind"] == "PersistentVolumeClaim"}
