"""What of an object is worth keeping, and which objects are not.

An object is left out if something else makes it again: its controller, the cluster, or its operator.
Ownership decides where it can; the short list below is what carries no owner.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from upkeep.backups.kubernetes.kinds import Kind, Object
from upkeep.clients.answers import child, children, text

OF_ONE_BACKUP = {"app.kubernetes.io/managed-by": "upkeep", "upkeep.io/job": "dump"}
"""Labels of the jobs that make one backup each."""

DERIVED_KINDS = {
    "events": "history that the cluster writes",
    "events.events.k8s.io": "history that the cluster writes",
    "leases.coordination.k8s.io": "held by a running process",
    "endpointslices.discovery.k8s.io": "made from services and pods",
    "volumesnapshots.snapshot.storage.k8s.io": "bound to a snapshot's contents; made again it is a new one",
    "certificaterequests.cert-manager.io": "one request of a certificate that is there",
    "orders.acme.cert-manager.io": "one request of a certificate that is there",
    "challenges.acme.cert-manager.io": "one request of a certificate that is there",
}
"""Kinds that are never exported, and why."""

ROOT_CERTIFICATES = ("kube-root-ca.crt", "openshift-service-ca.crt")
TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type of secret

HOLDS_DATA = ("secrets", "persistentvolumeclaims", "configmaps")
"""Kept though they have a controller: it could not make the same contents again."""

_METADATA = ("name", "namespace", "labels", "annotations")
"""What is kept of metadata: all else is the server's, and finalizers are their operator's to put back."""

_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",  # of a secret, it holds the secret
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "control-plane.alpha.kubernetes.io/leader",
    "autoscaling.alpha.kubernetes.io/",
    "endpoints.kubernetes.io/",
)
_JOB_LABELS = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)


def left_out(kind: Kind, obj: Object, selecting: Collection[str] = ()) -> str | None:
    """Return why an object is not exported, None if it is.

    selecting: the names of the services that have a selector, whose endpoints are made from it.
    """
    metadata = child(obj, "metadata")
    if kind.name in DERIVED_KINDS:
        return DERIVED_KINDS[kind.name]
    if OF_ONE_BACKUP.items() <= child(metadata, "labels").items():
        return "one backup's job"
    controlled = any(owner.get("controller") for owner in children(metadata, "ownerReferences"))
    if controlled and kind.name not in HOLDS_DATA:
        return "made by its controller"
    if metadata.get("deletionTimestamp"):
        return "being deleted"
    return _by_kind(kind.name, obj, text(metadata, "name"), selecting)


def _by_kind(kind: str, obj: Object, name: str, selecting: Collection[str]) -> str | None:
    if kind == "configmaps" and name in ROOT_CERTIFICATES:
        return "put into every namespace by the cluster"
    if kind == "secrets" and obj.get("type") == TOKEN:
        return "a token of a service account's old identity"
    if kind == "endpoints" and name in selecting:
        return "made from services and pods"
    if kind == "jobs.batch" and any(
        c.get("type") in ("Complete", "Failed") and c.get("status") == "True"
        for c in children(child(obj, "status"), "conditions")
    ):
        return "has ended; made again it would run again"
    if kind == "pods" and child(obj, "status").get("phase") in ("Succeeded", "Failed"):
        return "has ended; made again it would run again"
    return None


def cleaned(obj: Object) -> Object:
    """Return a copy of an object without what the server, a controller or a node wrote."""
    result: Object = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    result = _without_nulls(copy.deepcopy(result))
    result["metadata"] = _metadata(child(obj, "metadata"))
    clean = _BY_KIND.get(text(obj, "kind"))
    if clean and isinstance(result.get("spec"), dict):
        clean(result["spec"])
    if obj.get("kind") == "ServiceAccount":
        result.pop("secrets", None)  # tokens of its old identity
    if obj.get("kind") == "Namespace":
        result.pop("spec", None)
        result["metadata"].get("labels", {}).pop("kubernetes.io/metadata.name", None)
    return result


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept = {key: copy.deepcopy(metadata[key]) for key in _METADATA if metadata.get(key)}
    notes = {k: v for k, v in kept.pop("annotations", {}).items() if not k.startswith(_ANNOTATIONS)}
    return {**kept, **({"annotations": notes} if notes else {})}


def _service(spec: dict[str, Any]) -> None:
    """Drop the address, which is given anew, except where there is none on purpose (headless)."""
    if spec.get("clusterIP") != "None":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(name, None)


def _claim(spec: dict[str, Any]) -> None:
    """Drop the volume, and what the claim was first filled from: it may be gone since."""
    for name in ("volumeName", "dataSource", "dataSourceRef"):
        spec.pop(name, None)


def _pod(spec: dict[str, Any]) -> None:
    """Drop the node and the token that admission mounted."""
    spec.pop("nodeName", None)
    tokens = {v["name"] for v in spec.get("volumes") or () if v["name"].startswith("kube-api-access-")}
    if not tokens:
        return
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] not in tokens]
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        mounts = container.get("volumeMounts") or ()
        container["volumeMounts"] = [mount for mount in mounts if mount["name"] not in tokens]


def _job(spec: dict[str, Any]) -> None:
    """Drop the selector that the server made from the job's uid."""
    if spec.get("manualSelector"):
        return
    spec.pop("selector", None)
    metadata = child(child(spec, "template"), "metadata")
    for name in _JOB_LABELS:
        (metadata.get("labels") or {}).pop(name, None)


def _definition(spec: dict[str, Any]) -> None:
    """Drop the conversion that is the default; a webhook's is kept."""
    if spec.get("conversion") == {"strategy": "None"}:
        del spec["conversion"]


_BY_KIND = {
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "Job": _job,
    "CustomResourceDefinition": _definition,
}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
