"""How each Kubernetes object is read from the API's JSON.

Every function raises BadAnswer if a field is not what the API promises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from upkeep.clients.answers import child, children, moment, moment_or_none, safe_excerpt, text, texts, whole
from upkeep.clients.kubernetes.objects import (
    Claim,
    Container,
    CronJob,
    Deployment,
    Event,
    Job,
    Node,
    Pod,
    Usage,
)
from upkeep.clients.kubernetes.quantity import quantity
from upkeep.clients.secrets import mask_secrets
from upkeep.errors import BadAnswer

Json = Mapping[str, Any]

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


def duration(value: str) -> timedelta:
    """Return the time that Go writes as `1m30.5s`; no time for the empty text; BadAnswer if it is none.

    >>> duration("1m30.5s")
    datetime.timedelta(seconds=90, microseconds=500000)
    """
    found = _DURATION.fullmatch(value)
    if found is None:
        raise BadAnswer(f"not a duration: {safe_excerpt(value)!r}")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def pod(item: Json) -> Pod:
    """Read a pod."""
    meta, spec, status = child(item, "metadata"), child(item, "spec"), child(item, "status")
    conditions = {text(c, "type"): c for c in children(status, "conditions")}
    containers = _containers(spec, status)
    requested = children(spec, "containers")
    scheduled = conditions.get("PodScheduled", {})
    reason = text(status, "reason") or (
        text(scheduled, "reason") if scheduled.get("status") == "False" else ""
    )
    return Pod(
        namespace=text(meta, "namespace"),
        name=text(meta, "name"),
        labels=texts(meta.get("labels"), "labels"),
        phase=text(status, "phase") or "Unknown",
        reason=reason or None,
        ready=conditions.get("Ready", {}).get("status") == "True",
        restarts=sum(c.restarts for c in containers),
        containers=containers,
        node=text(spec, "nodeName") or None,
        owner=_owner(meta),
        created_at=moment(meta.get("creationTimestamp"), "creationTimestamp"),
        cpu_request_cores=_sum(requested, "requests", "cpu") or 0.0,
        memory_request_bytes=_sum(requested, "requests", "memory") or 0.0,
        cpu_limit_cores=_sum(requested, "limits", "cpu", all_or_none=True),
        memory_limit_bytes=_sum(requested, "limits", "memory", all_or_none=True),
    )


def _containers(spec: Json, status: Json) -> tuple[Container, ...]:
    images = {
        text(c, "name"): text(c, "image")
        for c in (*children(spec, "initContainers"), *children(spec, "containers"))
    }
    seen = (*children(status, "initContainerStatuses"), *children(status, "containerStatuses"))
    return tuple(_container(one, images) for one in seen)


def _container(status: Json, images: Mapping[str, str]) -> Container:
    name = text(status, "name")
    _, at, digest = text(status, "imageID").rpartition("@")
    state, last = child(status, "state"), child(status, "lastState")
    ended = child(last, "terminated") or child(state, "terminated")
    return Container(
        name=name,
        image=images.get(name) or text(status, "image"),
        digest=digest if at and digest.startswith("sha256:") else None,
        ready=status.get("ready") is True,
        restarts=whole(status, "restartCount"),
        waiting=text(child(state, "waiting"), "reason") or None,
        last_exit=text(ended, "reason") or None,
    )


def _sum(
    containers: list[dict[str, Any]], what: str, resource: str, *, all_or_none: bool = False
) -> float | None:
    """Add up a resource; with `all_or_none`, None if a container has none: then the pod has no limit."""
    found = [child(child(c, "resources"), what).get(resource) for c in containers]
    if all_or_none and (None in found or not found):
        return None
    return sum(quantity(value) for value in found if value is not None)


def _owner(meta: Json) -> str | None:
    for reference in children(meta, "ownerReferences"):
        if reference.get("controller") is True:
            return f"{text(reference, 'kind')}/{text(reference, 'name')}"
    return None


def deployment(item: Json) -> Deployment:
    """Read a deployment."""
    meta, spec, status = child(item, "metadata"), child(item, "spec"), child(item, "status")
    template = child(child(spec, "template"), "spec")
    return Deployment(
        namespace=text(meta, "namespace"),
        name=text(meta, "name"),
        desired=whole(spec, "replicas") if "replicas" in spec else 1,
        updated=whole(status, "updatedReplicas"),
        ready=whole(status, "readyReplicas"),
        available=whole(status, "availableReplicas"),
        current=whole(status, "observedGeneration") >= whole(meta, "generation"),
        paused=spec.get("paused") is True,
        conditions={text(c, "type"): text(c, "status") for c in children(status, "conditions")},
        images=tuple(text(c, "image") for c in children(template, "containers")),
    )


def job(item: Json) -> Job:
    """Read a job."""
    meta, status = child(item, "metadata"), child(item, "status")
    holding = {text(c, "type"): c for c in children(status, "conditions") if c.get("status") == "True"}
    failed = holding.get("Failed")
    return Job(
        namespace=text(meta, "namespace"),
        name=text(meta, "name"),
        active=whole(status, "active"),
        succeeded=whole(status, "succeeded"),
        failed=whole(status, "failed"),
        complete="Complete" in holding,
        failure=None if failed is None else text(failed, "reason") or "Failed",
        created_at=moment(meta.get("creationTimestamp"), "creationTimestamp"),
        started_at=moment_or_none(status.get("startTime"), "startTime"),
        completed_at=moment_or_none(status.get("completionTime"), "completionTime"),
        owner=_owner(meta),
    )


def cron_job(item: Json) -> CronJob:
    """Read a cron job."""
    meta, spec, status = child(item, "metadata"), child(item, "spec"), child(item, "status")
    return CronJob(
        namespace=text(meta, "namespace"),
        name=text(meta, "name"),
        schedule=text(spec, "schedule"),
        time_zone=text(spec, "timeZone") or None,
        suspended=spec.get("suspend") is True,
        active=len(children(status, "active")),
        last_scheduled_at=moment_or_none(status.get("lastScheduleTime"), "lastScheduleTime"),
        last_successful_at=moment_or_none(status.get("lastSuccessfulTime"), "lastSuccessfulTime"),
    )


def claim(item: Json) -> Claim:
    """Read a persistent volume claim."""
    meta, spec, status = child(item, "metadata"), child(item, "spec"), child(item, "status")
    capacity = child(status, "capacity").get("storage")
    return Claim(
        namespace=text(meta, "namespace"),
        name=text(meta, "name"),
        phase=text(status, "phase") or "Pending",
        storage_class=text(spec, "storageClassName") or None,
        volume=text(spec, "volumeName") or None,
        requested_bytes=quantity(child(child(spec, "resources"), "requests").get("storage", 0)),
        capacity_bytes=None if capacity is None else quantity(capacity),
    )


def node(item: Json) -> Node:
    """Read a node."""
    meta, spec, status = child(item, "metadata"), child(item, "spec"), child(item, "status")
    conditions = {text(c, "type"): c for c in children(status, "conditions")}
    is_ready = conditions.pop("Ready", {})
    allocatable = child(status, "allocatable")
    ready = is_ready.get("status") == "True"
    return Node(
        name=text(meta, "name"),
        ready=ready,
        reason=None if ready else text(is_ready, "reason") or "no Ready condition",
        unschedulable=spec.get("unschedulable") is True,
        pressures=tuple(sorted(name for name, c in conditions.items() if c.get("status") == "True")),
        allocatable_cores=quantity(allocatable.get("cpu", 0)),
        allocatable_bytes=quantity(allocatable.get("memory", 0)),
        kubelet_version=text(child(status, "nodeInfo"), "kubeletVersion"),
    )


def event(item: Json) -> Event:
    """Read an event, of either of the two forms that controllers write."""
    meta, series, subject = child(item, "metadata"), child(item, "series"), child(item, "involvedObject")
    at = series.get("lastObservedTime") or item.get("lastTimestamp") or item.get("eventTime")
    return Event(
        namespace=text(meta, "namespace"),
        at=moment(at or meta.get("creationTimestamp"), "lastTimestamp"),
        type=text(item, "type"),
        reason=text(item, "reason"),
        subject=f"{text(subject, 'kind')}/{text(subject, 'name')}",
        message=mask_secrets(text(item, "message")),
        count=whole(series, "count") or whole(item, "count") or 1,
    )


def usage(item: Json) -> Usage:
    """Read a PodMetrics or NodeMetrics object of metrics.k8s.io."""
    meta = child(item, "metadata")
    parts = children(item, "containers") if "containers" in item else [{"usage": item.get("usage")}]
    used = [child(part, "usage") for part in parts]
    return Usage(
        namespace=text(meta, "namespace"),
        name=text(meta, "name"),
        cpu_cores=sum(quantity(one.get("cpu", 0)) for one in used),
        memory_bytes=sum(quantity(one.get("memory", 0)) for one in used),
        at=moment(item.get("timestamp"), "timestamp"),
        window=duration(text(item, "window")),
    )
