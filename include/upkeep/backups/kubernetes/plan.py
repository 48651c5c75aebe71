"""What a recovery would do, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upkeep.backups.kubernetes.applying import Kinds, apply
from upkeep.backups.kubernetes.archive import Archive
from upkeep.backups.kubernetes.comparing import autoscaled, differences, present
from upkeep.backups.kubernetes.kinds import (
    DEFINITIONS,
    NAMESPACES,
    SNAPSHOTS,
    STORAGE_CLASSES,
    Object,
    by_object,
    find,
    identity,
    label,
    listed,
    name_of,
    served_kinds,
)
from upkeep.backups.kubernetes.quota import shortfalls
from upkeep.backups.kubernetes.wanted import DRILL_LABEL, Target, Wanted, wanted
from upkeep.clients.answers import child, children
from upkeep.clients.kubernetes.api import Api, join
from upkeep.clients.kubernetes.errors import RefusedError


def recreate_plan(archive: Archive, api: Api, target: Target) -> dict[str, Any]:
    """Return what `recreate` would do, as plain JSON values; only reads (refusals by dry run).

    create, change, refused, left_out: labels of objects (the latter two with the reason); change: with the
    paths that differ; unchanged: how many; definitions: those to make; problems: what stands in the way,
    for which a recovery should not begin. Raises what the client raises.
    """
    wish = wanted(archive, target)
    served = served_kinds(api)
    kinds = by_object(served)
    namespace = find_namespace(api, target.namespace)
    there = present(api, served, target.namespace, wish.objects) if namespace else {}
    scaled = autoscaled(wish.objects)
    create, change, unchanged = [], {}, 0
    for obj in wish.objects:
        found = there.get(label(obj))
        if found is None:
            create.append(obj)
        elif paths := differences(obj, found, label(obj) in scaled):
            change[label(obj)] = paths
        else:
            unchanged += 1
    touched = [*create, *(obj for obj in wish.objects if label(obj) in change)]
    missing = _missing_definitions(api, wish)
    refused = _refusals(api, kinds, touched, namespace is not None, missing)
    problems = [*_namespace_problems(namespace, archive, target)]
    problems += [*_missing(api, archive, wish, target)]
    if namespace:
        problems += shortfalls(api, target.namespace, create, kinds)
    return {
        "archive": archive.name,
        "namespace": target.namespace,
        "namespace_exists": namespace is not None,
        "definitions": [name_of(obj) for obj in missing],
        "create": sorted(label(obj) for obj in create),
        "change": change,
        "unchanged": unchanged,
        "refused": refused,
        "left_out": wish.left_out,
        "problems": problems,
    }


def find_namespace(api: Api, name: str) -> Object | None:
    """Return a namespace, None if there is none."""
    return find(api, NAMESPACES.path(None, name))


def remains(namespace: Object) -> str:
    """Return what keeps a namespace from going, as its conditions say."""
    conditions = children(child(namespace, "status"), "conditions")
    said = [str(c.get("message")) for c in conditions if c.get("status") == "True" and c.get("message")]
    finalizers = child(namespace, "metadata").get("finalizers") or child(namespace, "spec").get("finalizers")
    return "; ".join(said) or f"finalizers: {', '.join(finalizers or ())}"


def _namespace_problems(namespace: Object | None, archive: Archive, target: Target) -> Iterator[str]:
    if archive.unopened:
        yield f"{archive.unopened} objects of {archive.name} are sealed and no identity was given"
    if namespace is None:
        if target.only:
            yield f"Namespace/{target.namespace} is not there: recreate all of it"
        return
    if child(namespace, "status").get("phase") == "Terminating":
        yield f"Namespace/{target.namespace} is being deleted and cannot be filled: {remains(namespace)}"
    if target.namespace != archive.namespace and not target.only:
        drill = child(child(namespace, "metadata"), "labels").get(DRILL_LABEL)
        if drill is None or drill != target.labels.get(DRILL_LABEL):
            yield f"Namespace/{target.namespace} is there and is not this drill's: name another target"


def _missing_definitions(api: Api, wish: Wanted) -> list[Object]:
    """Return the definitions that the cluster has not; those that it has belong to everybody."""
    there = {name_of(obj) for obj in listed(api, DEFINITIONS, None)} if wish.definitions else set()
    return [obj for obj in wish.definitions if name_of(obj) not in there]


def _refusals(
    api: Api, kinds: Kinds, objects: list[Object], exists: bool, definitions: list[Object]
) -> dict[str, str]:
    """Return what would be refused: of an unknown kind, or by the API's own dry run."""
    coming = {(child(obj, "spec").get("group"), _defined(obj)) for obj in definitions}
    refused: dict[str, str] = {}
    for obj in objects:
        kind = kinds.get(identity(obj))
        if kind is None:
            if (obj["apiVersion"].partition("/")[0], obj["kind"]) not in coming:
                refused[label(obj)] = f"the cluster serves no {obj['kind']} in {obj['apiVersion']}"
        elif exists:
            try:
                apply(api, kind, obj, dry_run=True)
            except RefusedError as e:
                refused[label(obj)] = str(e)
    return refused


def _defined(definition: Object) -> str:
    return str(child(child(definition, "spec"), "names").get("kind"))


def _missing(api: Api, archive: Archive, wish: Wanted, target: Target) -> Iterator[str]:
    """Yield what the objects need of the cluster and it has not."""
    for obj in wish.objects:
        spec = obj["spec"] if isinstance(obj.get("spec"), dict) else {}
        storage = spec.get("storageClassName") if obj["kind"] == "PersistentVolumeClaim" else None
        static = any(v.get("claim") == name_of(obj) and not v.get("driver") for v in archive.facts["volumes"])
        if storage and not static and find(api, STORAGE_CLASSES.path(None, storage)) is None:
            yield f"{label(obj)}: the cluster has no StorageClass/{storage}"
    for claim, snapshot in target.snapshots.items():
        if claim in target.outlived:
            continue
        found = find(api, SNAPSHOTS.path(target.namespace, snapshot))
        if found is None or child(found, "status").get("readyToUse") is not True:
            yield f"PersistentVolumeClaim/{claim}: VolumeSnapshot/{snapshot} is not there or not ready"
    for role in archive.facts["cluster_roles"] if not target.only else ():
        if find(api, join("apis/rbac.authorization.k8s.io/v1", None, "clusterroles", role)) is None:
            yield f"the cluster has no ClusterRole/{role}, which a role binding names"
