"""What the API server fills in when a client leaves it out."""

from __future__ import annotations

import base64
import copy
import zlib
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.podstatus import qos_class
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.schemas import shaped

DEFAULT_STORAGE_CLASS = "standard"


def with_defaults(resource: Resource, obj: Object) -> Object:
    """Return a copy of `obj` with its kind's defaults filled in."""
    if resource.schema is not None:
        return shaped(resource.schema, obj)
    fill = _FILLERS.get(resource.id)
    if fill is None:
        return obj
    filled = copy.deepcopy(obj)
    fill(filled)
    return filled


def without_nulls(resource: Resource, obj: Object) -> Object:
    """Return the object without its nulls, which say nothing except in a custom resource."""
    if resource.custom:
        return obj
    cleaned: Object = _without_nulls(obj)
    return cleaned


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _fill(target: Object, **values: Any) -> None:
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


def _container(container: Object) -> None:
    image = container.get("image", "")
    latest = image.endswith(":latest") or ":" not in image.rpartition("/")[2]
    _fill(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    for port in container.get("ports") or ():
        _fill(port, protocol="TCP")
    limits = container["resources"].get("limits")
    if limits:
        container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}


def _pod_spec(spec: Object, restart_policy: str = "Always") -> None:
    _fill(
        spec,
        restartPolicy=restart_policy,
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
        terminationGracePeriodSeconds=30,
    )
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        _container(container)
    for volume in spec.get("volumes") or ():
        for source in ("secret", "configMap"):
            if source in volume:
                _fill(volume[source], defaultMode=420)


def _template(spec: Object) -> None:
    if isinstance(spec.get("template"), dict):
        _pod_spec(spec["template"].setdefault("spec", {}))


def _pod(pod: Object) -> None:
    _pod_spec(pod.setdefault("spec", {}))
    _fill(pod["spec"], serviceAccountName="default", enableServiceLinks=True)
    pod["status"] = pod.get("status") or {"phase": "Pending", "qosClass": qos_class(pod)}


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(
        spec,
        replicas=1,
        revisionHistoryLimit=10,
        progressDeadlineSeconds=600,
        strategy={"type": "RollingUpdate"},
    )
    _fill(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _fill(spec["strategy"], rollingUpdate={})
        _fill(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")
    _template(spec)


def _replica_set(obj: Object) -> None:
    _fill(obj.setdefault("spec", {}), replicas=1)
    _template(obj["spec"])


def _stateful_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(
        spec,
        replicas=1,
        revisionHistoryLimit=10,
        podManagementPolicy="OrderedReady",
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    )
    _template(spec)


def _daemon_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    rolling = {"maxSurge": 0, "maxUnavailable": 1}
    _fill(spec, revisionHistoryLimit=10, updateStrategy={"type": "RollingUpdate"})
    if spec["updateStrategy"].get("type", "RollingUpdate") == "RollingUpdate":
        _fill(spec["updateStrategy"], type="RollingUpdate", rollingUpdate=rolling)
    _template(spec)


def _job_spec(spec: Object) -> None:
    _fill(spec, parallelism=1, completions=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    if isinstance(spec.get("template"), dict):
        _pod_spec(spec["template"].setdefault("spec", {}), restart_policy="")


def _cron_job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(
        spec,
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )
    _job_spec(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None", internalTrafficPolicy="Cluster")
    if spec["type"] != "ExternalName":
        metadata = obj["metadata"]
        number = zlib.crc32(f"{metadata.get('namespace')}/{metadata.get('name')}".encode())
        _fill(spec, clusterIP=f"10.96.{number >> 8 & 255}.{number & 255}")
        _fill(spec, clusterIPs=[spec["clusterIP"]], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    for port in spec.get("ports") or ():
        _fill(port, protocol="TCP", targetPort=port.get("port"))
    _fill(obj, status={"loadBalancer": {}})


def _claim(obj: Object) -> None:
    _fill(
        obj.setdefault("spec", {}),
        accessModes=["ReadWriteOnce"],
        storageClassName=DEFAULT_STORAGE_CLASS,
        volumeMode="Filesystem",
    )
    _fill(obj, status={"phase": "Pending"})


def _secret(obj: Object) -> None:
    _fill(obj, type="Opaque")
    texts = obj.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _namespace(obj: Object) -> None:
    metadata = obj["metadata"]
    if metadata.get("name"):
        name_label = {"kubernetes.io/metadata.name": metadata["name"]}
        metadata["labels"] = {**(metadata.get("labels") or {}), **name_label}
    _fill(obj, spec={"finalizers": ["kubernetes"]}, status={"phase": "Active"})


def _autoscaler(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    target = {"type": "Utilization", "averageUtilization": 80}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    _fill(spec, minReplicas=1, metrics=[cpu])


def _network_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


_FILLERS: dict[tuple[str, str], Callable[[Object], None]] = {
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "persistentvolumeclaims"): _claim,
    ("", "secrets"): _secret,
    ("", "namespaces"): _namespace,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("apps", "statefulsets"): _stateful_set,
    ("apps", "daemonsets"): _daemon_set,
    ("batch", "jobs"): lambda obj: _job_spec(obj.setdefault("spec", {})),
    ("batch", "cronjobs"): _cron_job,
    ("autoscaling", "horizontalpodautoscalers"): _autoscaler,
    ("networking.k8s.io", "networkpolicies"): _network_policy,
}
