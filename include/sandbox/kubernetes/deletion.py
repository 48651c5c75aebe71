"""Deleting objects: preconditions, grace, finalizers and what happens to dependents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandbox.kubernetes.clock import stamp
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import ApiError, conflict
from sandbox.kubernetes.objects import Object, dig, is_deleting, is_finished, key_of, with_metadata
from sandbox.kubernetes.resources import Resource

FOREGROUND_FINALIZER = "foregroundDeletion"
_POLICIES = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True)
class DeleteOptions:
    """How to delete. None stands for the resource's default."""

    propagation: str | None = None
    grace_seconds: int | None = None
    uid: str | None = None
    revision: str | None = None
    dry_run: bool = False

    @classmethod
    def from_request(cls, query: Mapping[str, str], body: Mapping[str, Any] | None) -> DeleteOptions:
        """Return the options of a request's query and body; raise ApiError 400 for unusable ones."""
        body = body or {}
        propagation = body.get("propagationPolicy") or query.get("propagationPolicy")
        if propagation and "orphanDependents" in body:
            why = "orphanDependents and propagationPolicy cannot be both set"
            raise _unusable("propagationPolicy", f'Invalid value: "{propagation}": {why}')
        if body.get("orphanDependents") or query.get("orphanDependents") == "true":
            propagation = "Orphan"
        if propagation not in (None, *_POLICIES):
            raise _unusable("propagationPolicy", f'Unsupported value: "{propagation}"')
        grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        preconditions = body.get("preconditions") or {}
        return cls(
            propagation=propagation,
            grace_seconds=None if grace is None else int(grace),
            uid=preconditions.get("uid"),
            revision=preconditions.get("resourceVersion"),
            dry_run=bool(body.get("dryRun") or query.get("dryRun")),
        )


def _unusable(field: str, message: str) -> ApiError:
    cause = {"reason": "FieldValueInvalid", "message": message, "field": field}
    details = {"group": "meta.k8s.io", "kind": "DeleteOptions", "causes": [cause]}
    text = f'DeleteOptions.meta.k8s.io "" is invalid: {field}: {message}'
    return ApiError(422, "Invalid", text, details)


BACKGROUND = DeleteOptions(propagation="Background")
AT_ONCE = DeleteOptions(propagation="Background", grace_seconds=0)


def delete(cluster: Cluster, resource: Resource, obj: Object, options: DeleteOptions) -> Object:
    """Delete an object, or begin to; return its last state.

    Raises ApiError 409 if a precondition fails.
    """
    _check(resource, obj, options)
    if options.dry_run:
        return obj
    if _propagation(resource, options) == "Orphan":
        _orphan(cluster, obj)
    grace = _grace(resource, obj, options)
    finalizers = list(obj["metadata"].get("finalizers") or [])
    foreground = _propagation(resource, options) == "Foreground"
    if foreground and FOREGROUND_FINALIZER not in finalizers:
        finalizers.append(FOREGROUND_FINALIZER)
    lingers = grace > 0 or finalizers or resource.id == ("", "namespaces")
    if not lingers:
        cluster.store.remove(resource, obj)
        return obj
    return _mark(cluster, resource, obj, grace, finalizers)


def finish(cluster: Cluster, resource: Resource, obj: Object) -> bool:
    """Remove an object that is on its way out, if no finalizer holds it; tell whether it is gone."""
    if obj["metadata"].get("finalizers"):
        return False
    cluster.store.remove(resource, obj)
    return True


def _check(resource: Resource, obj: Object, options: DeleteOptions) -> None:
    metadata = obj["metadata"]
    for wanted, name, word in (
        (options.uid, "uid", "UID"),
        (options.revision, "resourceVersion", "ResourceVersion"),
    ):
        if wanted is not None and wanted != metadata[name]:
            why = (
                f"the {word} in the precondition ({wanted}) does not match the {word} in record "
                f"({metadata[name]}). The object might have been deleted and then recreated"
            )
            raise conflict(resource, metadata["name"], why)
    if resource.id == ("", "namespaces") and metadata["name"] in ("default", "kube-system"):
        message = f'namespaces "{metadata["name"]}" is forbidden: this namespace may not be deleted'
        raise ApiError(403, "Forbidden", message)


def _propagation(resource: Resource, options: DeleteOptions) -> str:
    """Jobs alone keep their pods by default: the real API does so for old clients' sake."""
    return options.propagation or ("Orphan" if resource.id == ("batch", "jobs") else "Background")


def _grace(resource: Resource, obj: Object, options: DeleteOptions) -> int:
    """Only a pod that runs somewhere is given time to end."""
    if resource.id != ("", "pods") or is_finished(obj) or not obj["spec"].get("nodeName"):
        return 0
    if options.grace_seconds is not None:
        return max(options.grace_seconds, 0)
    grace = dig(obj, "spec", "terminationGracePeriodSeconds")
    return 30 if grace is None else int(grace)


def _orphan(cluster: Cluster, obj: Object) -> None:
    uid = obj["metadata"]["uid"]
    for resource, child in cluster.store.children(uid):
        kept = [r for r in child["metadata"]["ownerReferences"] if r["uid"] != uid]
        cluster.store.update(resource, with_metadata(child, ownerReferences=kept or None))


def _mark(cluster: Cluster, resource: Resource, obj: Object, grace: int, finalizers: list[str]) -> Object:
    changes: dict[str, Any] = {"finalizers": finalizers or None}
    if not is_deleting(obj):
        ends = cluster.clock.now() + timedelta(seconds=grace)
        changes |= {"deletionTimestamp": stamp(ends), "deletionGracePeriodSeconds": grace}
    marked = with_metadata(obj, **changes)
    if resource.id == ("", "namespaces"):
        marked = {**marked, "status": {**marked.get("status", {}), "phase": "Terminating"}}
    return cluster.store.update(resource, marked)


def settle_finalizers(cluster: Cluster, resource: Resource, obj: Object) -> None:
    """After an update: remove an object on its way out whose last finalizer has just gone."""
    if not is_deleting(obj) or obj["metadata"].get("finalizers"):
        return
    if resource.id == ("", "namespaces") or (
        resource.id == ("", "pods") and obj["metadata"].get("deletionGracePeriodSeconds")
    ):
        return
    if cluster.store.get(resource, *key_of(obj)) is not None:
        cluster.store.remove(resource, obj)
