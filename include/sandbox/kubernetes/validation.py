"""What the API server refuses: names, missing parts, fields that may not change.

There are no schemas here: a misspelt field of a known kind passes, as it does on the real server
under `fieldValidation=Ignore`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import ApiError, forbidden, invalid
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.quantities import parse_quantity
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import matches

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RBAC = re.compile(r"[^/%]+")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_IMMUTABLE = "field is immutable"

_TEMPLATED = {("apps", p) for p in ("deployments", "replicasets", "statefulsets", "daemonsets")}


class _Check:
    """Raises ApiError 422 for a field of one object."""

    def __init__(self, resource: Resource, obj: Object) -> None:
        self.resource, self.obj = resource, obj
        self.name: str = obj["metadata"].get("name") or obj["metadata"].get("generateName", "")

    def fail(self, field: str, message: str) -> ApiError:
        return invalid(self.resource, self.name, field, message)

    def required(self, field: str) -> Any:
        value = dig(self.obj, *field.split("."))
        if value in (None, "", [], {}):
            raise self.fail(field, "Required value")
        return value

    def whole(self, field: str) -> None:
        value = dig(self.obj, *field.split("."))
        if value is not None and (not isinstance(value, int) or value < 0):
            raise self.fail(field, f"Invalid value: {value}: must be greater than or equal to 0")


def validate(cluster: Cluster, resource: Resource, obj: Object, old: Object | None) -> None:
    """Raise ApiError 403 or 422 if the API server would refuse the object, or its change from `old`."""
    check = _Check(resource, obj)
    _metadata(check)
    rule = _RULES.get(resource.id)
    if rule:
        rule(check)
    if old is not None:
        _unchanged(check, old)
        if resource.id == ("", "persistentvolumeclaims"):
            _expansion(cluster, check, old)


def _metadata(check: _Check) -> None:
    name, group = check.name, check.resource.group
    pattern = _RBAC if group == "rbac.authorization.k8s.io" else _SUBDOMAIN
    if check.resource.id in {("", "namespaces"), ("", "services")}:
        pattern = _LABEL
    if not name:
        raise check.fail("metadata.name", "Required value: name or generateName is required")
    if len(name) > 253 or not pattern.fullmatch(name.rstrip("-") if name.endswith("-") else name):
        raise check.fail("metadata.name", f'Invalid value: "{name}": must be a lowercase RFC 1123 name')
    for key, value in (check.obj["metadata"].get("labels") or {}).items():
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            raise check.fail("metadata.labels", f'Invalid value: "{value}" of "{key}": not a label value')


def _pod_template(check: _Check, path: str) -> None:
    check.required(f"{path}.containers")
    seen: set[str] = set()
    for index, container in enumerate(dig(check.obj, *path.split("."), "containers")):
        field = f"{path}.containers[{index}]"
        for part in ("name", "image"):
            if not container.get(part):
                raise check.fail(f"{field}.{part}", "Required value")
        if container["name"] in seen:
            raise check.fail(f"{field}.name", f'Duplicate value: "{container["name"]}"')
        seen.add(container["name"])
        _resources(check, field, container.get("resources") or {})


def _resources(check: _Check, field: str, resources: Object) -> None:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for part, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            _quantity(check, f"{field}.resources.{part}[{name}]", value)
    for name in requests.keys() & limits.keys():
        if parse_quantity(requests[name]) > parse_quantity(limits[name]):
            message = f'Invalid value: "{requests[name]}": must be less than or equal to {name} limit'
            raise check.fail(f"{field}.resources.requests", f"{message} of {limits[name]}")


def _quantity(check: _Check, field: str, value: Any) -> float:
    try:
        return parse_quantity(value)
    except ValueError as e:
        raise check.fail(field, f'Invalid value: "{value}": quantities must match the format') from e


def _workload(check: _Check) -> None:
    check.whole("spec.replicas")
    selector = check.required("spec.selector")
    labels = dig(check.obj, "spec", "template", "metadata", "labels") or {}
    _pod_template(check, "spec.template.spec")
    if not matches(selector, labels):
        raise check.fail(
            "spec.template.metadata.labels", f"Invalid value: {labels}: `selector` does not match template"
        )


def _job(check: _Check) -> None:
    for field in ("parallelism", "completions", "backoffLimit"):
        check.whole(f"spec.{field}")
    _pod_template(check, "spec.template.spec")
    policy = dig(check.obj, "spec", "template", "spec", "restartPolicy")
    if policy not in ("Never", "OnFailure"):
        allowed = 'supported values: "OnFailure", "Never"'
        raise check.fail("spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": {allowed}')


def _cron_job(check: _Check) -> None:
    schedule = check.required("spec.schedule")
    if len(str(schedule).split()) != 5 and not str(schedule).startswith("@"):
        raise check.fail("spec.schedule", f'Invalid value: "{schedule}": expected exactly 5 fields')
    _pod_template(check, "spec.jobTemplate.spec.template.spec")


def _claim(check: _Check) -> None:
    check.required("spec.resources.requests.storage")
    field = "spec.resources.requests.storage"
    _quantity(check, field, dig(check.obj, *field.split(".")))


def _data(check: _Check) -> None:
    for key in check.obj.get("data") or {}:
        if not _DATA_KEY.fullmatch(key):
            raise check.fail(
                "data", f'Invalid value: "{key}": a valid config key must consist of [-._a-zA-Z0-9]'
            )


def _definition(check: _Check) -> None:
    for field in ("group", "scope", "names.plural", "names.kind", "versions"):
        check.required(f"spec.{field}")
    expected = f"{dig(check.obj, 'spec', 'names', 'plural')}.{dig(check.obj, 'spec', 'group')}"
    if check.name != expected:
        raise check.fail("metadata.name", f'Invalid value: "{check.name}": must be "{expected}"')


def _autoscaler(check: _Check) -> None:
    check.required("spec.scaleTargetRef")
    most, least = check.required("spec.maxReplicas"), dig(check.obj, "spec", "minReplicas") or 1
    if most < least:
        message = f"Invalid value: {most}: must be greater than or equal to `minReplicas`"
        raise check.fail("spec.maxReplicas", message)


_RULES: dict[tuple[str, str], Callable[[_Check], None]] = {
    **dict.fromkeys(_TEMPLATED, _workload),
    ("", "pods"): lambda check: _pod_template(check, "spec"),
    ("batch", "jobs"): _job,
    ("batch", "cronjobs"): _cron_job,
    ("", "persistentvolumeclaims"): _claim,
    ("", "configmaps"): _data,
    ("", "secrets"): _data,
    ("", "services"): lambda check: check.whole("spec.healthCheckNodePort"),
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
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


def _unchanged(check: _Check, old: Object) -> None:
    for field in _FROZEN.get(check.resource.id, ()):
        before, after = dig(old, *field.split(".")), dig(check.obj, *field.split("."))
        if before is not None and before != after:
            raise check.fail(field, f"Invalid value: {after}: {_IMMUTABLE}")
    holds_data = check.resource.id in {("", "secrets"), ("", "configmaps")}
    parts = ("data", "binaryData", "immutable")
    if holds_data and old.get("immutable") and any(old.get(p) != check.obj.get(p) for p in parts):
        raise check.fail("data", f"Forbidden: {_IMMUTABLE} when `immutable` is set")


def _expansion(cluster: Cluster, check: _Check, old: Object) -> None:
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
