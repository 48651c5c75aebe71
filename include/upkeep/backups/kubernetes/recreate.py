"""A namespace made again from its export, whole or one component."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from upkeep.backups.kubernetes.applying import Kinds, Outcome, apply, apply_all
from upkeep.backups.kubernetes.archive import Archive
from upkeep.backups.kubernetes.comparing import claims_of
from upkeep.backups.kubernetes.components import WORKLOADS
from upkeep.backups.kubernetes.kinds import (
    DEFINITIONS,
    NAMESPACES,
    Object,
    by_object,
    find,
    identity,
    label,
    name_of,
    served_kinds,
)
from upkeep.backups.kubernetes.plan import find_namespace, remains
from upkeep.backups.kubernetes.readiness import late_classes, unbound
from upkeep.backups.kubernetes.volumes import bring_back
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.backups.kubernetes.wanted import Target, wanted
from upkeep.clients.answers import child, children
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.errors import RefusedError
from upkeep.errors import PermanentError, TemporaryError

WAIT_SECONDS = 300.0
"""How long claims may take to be bound, a definition to be in force, a namespace to go."""


def recreate(archive: Archive, api: Api, target: Target, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
    """Make the objects of an archive in a namespace, in the order of their dependencies.

    A repeat applies the same again and makes no second copy. Returns plain JSON values: created, applied,
    left_out, refused (label → why: the rest is done all the same), waited (claims that are not bound),
    seconds. seconds: the longest wait for each of namespace, definitions and claims. Raises PermanentError
    if the namespace or a definition is refused, or an old namespace does not go; TemporaryError if the API
    stops answering: run it again.
    """
    began = time.monotonic()
    wish = wanted(archive, target)
    outcome = Outcome()
    _make_definitions(api, wish.definitions, outcome, seconds)
    if target.only is None:
        _make_namespace(api, wish.namespace, outcome, seconds)
    for claim, facts in target.outlived.items():
        bring_back(api, target.namespace, target.snapshots[claim], facts, seconds)
    kinds = by_object(served_kinds(api))
    waited: list[str] = []
    for wave, objects in wish.waves():
        if target.only is not None:
            _replace_workloads(api, kinds, objects, outcome)
        apply_all(api, kinds, objects, outcome)
        if wave == "claims" and objects:
            waited = _wait_for_claims(api, target.namespace, objects, outcome, seconds)
    return {
        "archive": archive.name,
        "namespace": target.namespace,
        "created": sorted(outcome.created),
        "applied": sorted(outcome.applied),
        "refused": outcome.refused,
        "left_out": wish.left_out,
        "waited": waited,
        "seconds": round(time.monotonic() - began, 3),
    }


def _make_definitions(api: Api, definitions: Sequence[Object], outcome: Outcome, seconds: float) -> None:
    """Make the definitions that are missing, and wait until they are in force."""
    made = []
    for obj in definitions:
        if find(api, DEFINITIONS.path(None, name_of(obj))) is None:
            apply(api, DEFINITIONS, obj)
            made.append(name_of(obj))
            outcome.created.append(label(obj))

    def waiting() -> list[str]:
        return [name for name in made if not _established(api, name)]

    if left := wait_until_none(waiting, seconds):
        raise TemporaryError(f"not in force after {seconds:g} s: {', '.join(left)}; see their conditions")


def _established(api: Api, name: str) -> bool:
    found = api.get(DEFINITIONS.path(None, name))
    conditions = children(child(found, "status"), "conditions")
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)


def _make_namespace(api: Api, namespace: Object, outcome: Outcome, seconds: float) -> None:
    """Make the namespace; one of its name that is being deleted is waited for."""
    name = name_of(namespace)

    def going() -> list[str]:
        found = find_namespace(api, name)
        ending = found is not None and child(found, "status").get("phase") == "Terminating"
        return [remains(found)] if ending and found else []

    if left := wait_until_none(going, seconds):
        raise PermanentError(
            f"Namespace/{name} has been ending for {seconds:g} s and does not go: {left[0]}; remove what "
            "holds it, then run again"
        )
    try:
        made = apply(api, NAMESPACES, namespace)
    except RefusedError as e:
        raise PermanentError(f"Namespace/{name} was refused: {e}") from e
    (outcome.created if made else outcome.applied).append(label(namespace))


def _wait_for_claims(
    api: Api, namespace: str, objects: Sequence[Object], outcome: Outcome, seconds: float
) -> list[str]:
    """Wait for the claims that bind by themselves; return those that are not bound."""
    names = {name for name in claims_of(objects) if f"PersistentVolumeClaim/{name}" not in outcome.refused}
    late = late_classes(api)
    return wait_until_none(lambda: list(unbound(api, namespace, names, late)), seconds)


def _replace_workloads(api: Api, kinds: Kinds, objects: Sequence[Object], outcome: Outcome) -> None:
    """Put workloads that are there back to exactly what they were.

    An apply would leave what a broken change added (an environment variable, a sidecar) to its owner.
    """
    for obj in objects:
        kind = kinds.get(identity(obj))
        if obj["kind"] not in WORKLOADS or kind is None:
            continue
        path = kind.path(obj["metadata"]["namespace"], name_of(obj))
        there = find(api, path)
        if there is None:
            continue
        version = child(there, "metadata")["resourceVersion"]
        exact = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
        try:
            api.send("PUT", path, exact, params={"fieldManager": "upkeep"})
        except RefusedError as e:
            if e.status == 409:
                raise TemporaryError(f"{e}; it was changed meanwhile: run again") from e
            outcome.refused[label(obj)] = str(e)
