"""What the API server refuses: names, missing parts, fields that may not change.

Custom resources are held to the schemas of their definitions. The built-in kinds have none here: a
misspelt field of theirs passes, as it does on the real server under `fieldValidation=Ignore`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.kubernetes.checking import Check
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.definitionrules import definition
from sandbox.kubernetes.errors import forbidden, invalid_fields
from sandbox.kubernetes.metadatarules import metadata
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.podrules import pod_template
from sandbox.kubernetes.quantities import parse_quantity
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.schemas import complaints
from sandbox.kubernetes.selectors import matches

_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_IMMUTABLE = "field is immutable"

_TEMPLATED = {("apps", p) for p in ("deployments", "replicasets", "statefulsets", "daemonsets")}


def validate(cluster: Cluster, resource: Resource, obj: Object, old: Object | None) -> None:
    """Raise ApiError 403 or 422 if the API server would refuse the object, or its change from `old`."""
    check = Check(resource, obj)
    metadata(check, old)
    if resource.schema is not None:
        own = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
        if found := list(complaints(resource.schema, own)):
            raise invalid_fields(resource, check.name, found)
    rule = _RULES.get(resource.id)
    if rule:
        rule(check)
    if old is not None:
        _unchanged(check, old)
        if resource.id == ("", "persistentvolumeclaims"):
            _expansion(cluster, check, old)


def _workload(check: Check) -> None:
    check.whole("spec.replicas")
    selector = check.required("spec.selector")
    labels = dig(check.obj, "spec", "template", "metadata", "labels") or {}
    pod_template(check, "spec.template.spec")
    if not matches(selector, labels):
        raise check.fail(
            "spec.template.metadata.labels", f"Invalid value: {labels}: `selector` does not match template"
        )
    if not (selector.get("matchLabels") or selector.get("matchExpressions")):
        raise check.fail("spec.selector", "Invalid value: {}: empty selector is invalid")


def _deployment(check: Check) -> None:
    _workload(check)
    strategy = check.obj["spec"]["strategy"]
    kind, rolling = (
        check.one_of("spec.strategy.type", "Recreate", "RollingUpdate"),
        strategy.get("rollingUpdate"),
    )
    if kind == "Recreate" and rolling is not None:
        why = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        raise check.fail("spec.strategy.rollingUpdate", why)
    if rolling and all(rolling[bound] in (0, "0%") for bound in ("maxSurge", "maxUnavailable")):
        why = "Invalid value: 0: may not be 0 when `maxSurge` is 0"
        raise check.fail("spec.strategy.rollingUpdate.maxUnavailable", why)
    if check.obj["spec"]["progressDeadlineSeconds"] <= (check.obj["spec"].get("minReadySeconds") or 0):
        deadline = check.obj["spec"]["progressDeadlineSeconds"]
        why = f"Invalid value: {deadline}: must be greater than minReadySeconds"
        raise check.fail("spec.progressDeadlineSeconds", why)


def _job(check: Check) -> None:
    for field in ("parallelism", "completions", "backoffLimit"):
        check.whole(f"spec.{field}")
    pod_template(check, "spec.template.spec")
    policy = dig(check.obj, "spec", "template", "spec", "restartPolicy")
    if policy not in ("Never", "OnFailure"):
        allowed = 'supported values: "OnFailure", "Never"'
        raise check.fail("spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": {allowed}')


def _cron_job(check: Check) -> None:
    schedule = check.required("spec.schedule")
    if len(str(schedule).split()) != 5 and not str(schedule).startswith("@"):
        raise check.fail("spec.schedule", f'Invalid value: "{schedule}": expected exactly 5 fields')
    pod_template(check, "spec.jobTemplate.spec.template.spec")


def _claim(check: Check) -> None:
    check.required("spec.resources.requests.storage")
    field = "spec.resources.requests.storage"
    check.quantity(field, dig(check.obj, *field.split(".")))


def _data(check: Check) -> None:
    for key in check.obj.get("data") or {}:
        if not _DATA_KEY.fullmatch(key):
            raise check.fail(
                "data", f'Invalid value: "{key}": a valid config key must consist of [-._a-zA-Z0-9]'
            )


def _autoscaler(check: Check) -> None:
    check.required("spec.scaleTargetRef")
    most, least = check.required("spec.maxReplicas"), dig(check.obj, "spec", "minReplicas") or 1
    if most < least:
        message = f"Invalid value: {most}: must be greater than or equal to `minReplicas`"
        raise check.fail("spec.maxReplicas", message)


_RULES: dict[tuple[str, str], Callable[[Check], None]] = {
    **dict.fromkeys(_TEMPLATED, _workload),
    ("apps", "deployments"): _deployment,
    ("", "pods"): lambda check: pod_template(check, "spec"),
    ("batch", "jobs"): _job,
    ("batch", "cronjobs"): _cron_job,
    ("", "persistentvolumeclaims"): _claim,
    ("", "configmaps"): _data,
    ("", "secrets"): _data,
    ("", "services"): lambda check: check.whole("spec.healthCheckNodePort"),
    ("apiextensions.k8s.io", "customresourcedefinitions"): definition,
    ("autoscaling", "horizontalpodautoscalers"): _autoscaler,
}

_FROZEN: dict[tuple[str, str], tuple[str, ...]] = {
    **dict.fromkeys(_TEMPLATED, ("spec.selector",)),
    ("batch", "jobs"): ("spec.selector", "spec.template", "spec.completions"),
    ("", "secrets"): ("type",),
    ("", "persistentvolumeclaims"): ("spec.accessModes", "spec.storageClassName", "spec.dataSource"),
    ("", "services"): ("spec.clusterIP",),
    ("storage.k8s.io", "storageclasses"): ("provisioner", "parameters", "reclaimPolicy"),
    ("rbac.authorization.k8s.io", "rolebindings"): ("roleRef",),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): ("roleRef",),
    ("", "pods"): ("spec.nodeName", "spec.restartPolicy", "spec.volumes", "spec.serviceAccountName"),
}


def _unchanged(check: Check, old: Object) -> None:
    for field in _FROZEN.get(check.resource.id, ()):
        before, after = dig(old, *field.split(".")), dig(check.obj, *field.split("."))
        if before is not None and before != after:
            raise check.fail(field, f"Invalid value: {after}: {_IMMUTABLE}")
    holds_data = check.resource.id in {("", "secrets"), ("", "configmaps")}
    parts = ("data", "binaryData", "immutable")
    if holds_data and old.get("immutable") and any(old.get(p) != check.obj.get(p) for p in parts):
        raise check.fail("data", f"Forbidden: {_IMMUTABLE} when `immutable` is set")


def _expansion(cluster: Cluster, check: Check, old: Object) -> None:
    path = ("spec", "resources", "requests", "storage")
    wanted, before = (parse_quantity(dig(claim, *path)) for claim in (check.obj, old))
    if wanted == before:
        return
    capacity = parse_quantity(dig(old, "status", "capacity", "storage") or 0)
    if wanted < capacity:
        message = "Forbidden: field can not be less than status.capacity"
        raise check.fail("spec.resources.requests.storage", message)
    storage_class = cluster.get("storageclasses.storage.k8s.io", ("", old["spec"]["storageClassName"]))
    if not (storage_class or {}).get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize"
        )
        raise forbidden(check.resource, check.name, why)
