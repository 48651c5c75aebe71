"""Logs, scale and eviction."""

from __future__ import annotations

import asyncio
import copy

from aiohttp import web

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.deletion import DeleteOptions, delete
from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.logs import LogOptions
from sandbox.kubernetes.objects import Object, dig, is_finished, key_of, labels_of
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import matches, selector_text

_FOLLOW_SECONDS = 0.2


def read_scale(resource: Resource, obj: Object) -> Object:
    """Return the Scale of a workload, or of a custom resource that says where it keeps its numbers."""
    wanted, actual, selector = (path.lstrip(".").split(".") for path in resource.scale_paths)
    status: Object = {"replicas": dig(obj, *actual) or 0}
    text = dig(obj, *selector) if resource.custom else selector_text(obj["spec"].get("selector"))
    if text:
        status["selector"] = text
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    metadata["creationTimestamp"] = obj["metadata"]["creationTimestamp"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": dig(obj, *wanted) or 0},
        "status": status,
    }


def with_scale(resource: Resource, obj: Object, replicas: object) -> Object:
    """Return the object with another wanted number."""
    changed = copy.deepcopy(obj)
    *path, last = resource.scale_paths[0].lstrip(".").split(".")
    part = changed
    for step in path:
        part = part.setdefault(step, {})
    part[last] = replicas
    return changed


async def send_log(cluster: Cluster, request: web.Request, pod: Object) -> web.StreamResponse:
    """Answer with a container's log; with `follow`, until the pod ends or the client leaves."""
    options = LogOptions.from_query(request.query, cluster.clock.now())
    container = _container(pod, request.query.get("container", ""))
    if options.previous:
        lines = cluster.logs.read_previous(pod, container)
        if lines is None:
            name = pod["metadata"]["name"]
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return _text(options.render(lines))
    _check_started(pod, container)
    lines = cluster.logs.read(pod, container, cluster.clock.now())
    if not options.follow:
        return _text(options.render(lines))
    return await _follow(cluster, request, pod, container, options)


def _text(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="text/plain")


def _container(pod: Object, name: str) -> str:
    names = [c["name"] for c in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]]
    if name and name not in names:
        raise bad_request(f"container {name} is not valid for pod {pod['metadata']['name']}")
    if not name and len(pod["spec"]["containers"]) > 1:
        choices = " ".join(names)
        message = f"a container name must be specified for pod {pod['metadata']['name']}"
        raise bad_request(f"{message}, choose one of: [{choices}]")
    return name or names[0]


def _check_started(pod: Object, container: str) -> None:
    statuses = dig(pod, "status", "containerStatuses") or []
    status: Object = next((s for s in statuses if s["name"] == container), {})
    reason = dig(status, "state", "waiting", "reason")
    if reason in (None, "CrashLoopBackOff") and dig(pod, "status", "podIP"):
        return
    why = "image can't be pulled" if reason in ("ErrImagePull", "ImagePullBackOff") else reason or "Pending"
    message = f'container "{container}" in pod "{pod["metadata"]["name"]}" is waiting to start: {why}'
    raise bad_request(message)


async def _follow(
    cluster: Cluster, request: web.Request, pod: Object, container: str, options: LogOptions
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    sent = 0
    lines = cluster.logs.read(pod, container, cluster.clock.now())
    try:
        await response.write(options.render(lines))
        sent = len(lines)
        while True:
            current = cluster.get("pods", key_of(pod))
            gone = current is None or current["metadata"]["uid"] != pod["metadata"]["uid"]
            if gone or current is None:
                break
            lines = cluster.logs.read(current, container, cluster.clock.now())
            fresh = LogOptions(timestamps=options.timestamps).render(lines[sent:])
            sent = len(lines)
            if fresh:
                await response.write(fresh)
            if is_finished(current):
                break
            await asyncio.sleep(_FOLLOW_SECONDS)
    except ConnectionError:
        pass  # the client has left
    return response


def evict(cluster: Cluster, pod: Object, body: Object) -> None:
    """Delete a pod if its disruption budgets allow it; raise ApiError 429 if one does not."""
    options = DeleteOptions.from_request({}, body.get("deleteOptions"))
    namespace, name = key_of(pod)
    resource, budgets = cluster.registry["pods"], cluster.all("poddisruptionbudgets.policy", namespace)
    for budget in budgets:
        if not matches(budget["spec"].get("selector"), labels_of(pod)) or is_finished(pod):
            continue
        allowed = dig(budget, "status", "disruptionsAllowed") or 0
        if allowed < 1:
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            cause = f"The disruption budget {budget['metadata']['name']} does not allow it now."
            causes = [{"reason": "DisruptionBudget", "message": cause}]
            raise ApiError(429, "TooManyRequests", message, {"name": name, "causes": causes})
        if not options.dry_run:
            cluster.set_status("poddisruptionbudgets.policy", budget, disruptionsAllowed=allowed - 1)
    delete(cluster, resource, pod, options)
