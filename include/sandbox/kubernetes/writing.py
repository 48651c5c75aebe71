"""POST, PUT, PATCH and DELETE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aiohttp import web

from sandbox.kubernetes.accepting import check_identity, check_kind, check_types, patched
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.podset import random_suffix
from sandbox.kubernetes.defaults import with_defaults, without_nulls
from sandbox.kubernetes.deletion import DeleteOptions, delete, settle_finalizers
from sandbox.kubernetes.errors import (
    already_exists,
    bad_request,
    forbidden,
    method_not_allowed,
    not_found,
    success,
    unclear,
)
from sandbox.kubernetes.messages import read_json, read_object, respond
from sandbox.kubernetes.objects import Object, is_deleting
from sandbox.kubernetes.patches import as_applied, is_apply
from sandbox.kubernetes.podjobs import with_job_identity
from sandbox.kubernetes.reading import find
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.reviews import review
from sandbox.kubernetes.routing import Target
from sandbox.kubernetes.selectors import query_predicate
from sandbox.kubernetes.subresources import evict, read_scale, with_scale
from sandbox.kubernetes.validation import validate

_SERVER_SET = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
)
_JOB_WARNING = (
    '299 - "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to '
    'remove them or set propagationPolicy=Orphan to suppress this warning"'
)


async def write(cluster: Cluster, request: web.Request, target: Target) -> web.StreamResponse:
    """Answer a request that changes something."""
    dry_run = _dry_run(request.query)
    if request.method == "POST" and not target.name:
        return await _post(cluster, request, target, dry_run)
    if request.method == "POST" and target.subresource == "eviction":
        evict(cluster, find(cluster, target), await read_object(request))
        return respond({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)
    if target.resource.virtual or target.subresource in ("log", "eviction"):
        raise method_not_allowed(request.method)
    if request.method == "DELETE" and not target.subresource:
        return await _delete(cluster, request, target)
    if not target.name or request.method not in ("PUT", "PATCH"):
        raise method_not_allowed(request.method)
    if is_apply(request.content_type):
        return await _apply(cluster, request, target, dry_run)
    old = find(cluster, target)
    base = read_scale(target.resource, old) if target.subresource == "scale" else old
    if request.method == "PUT":
        new = await read_object(request)
        check_types(target.resource, new)
    else:
        new = patched(target, request.content_type, base, await read_json(request))
    return respond(replace(cluster, target, old, new, dry_run))


async def _apply(cluster: Cluster, request: web.Request, target: Target, dry_run: bool) -> web.Response:
    """Make the object, or merge it into the one that is there; nobody owns fields here."""
    if not request.query.get("fieldManager"):
        raise bad_request('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value')
    body = await read_object(request)
    if (body.get("metadata") or {}).get("name") != target.name:
        raise bad_request(f"the name of the object does not match the name on the URL ({target.name})")
    if cluster.store.get(target.resource, target.namespace, target.name) is None:
        return respond(create(cluster, target.resource, target.namespace, body, dry_run), 201)
    old = find(cluster, target)
    return respond(replace(cluster, target, old, as_applied(target.resource, old, body), dry_run))


async def _post(cluster: Cluster, request: web.Request, target: Target, dry_run: bool) -> web.Response:
    if "create" not in target.resource.verbs:
        raise method_not_allowed(request.method)
    body = await read_object(request)
    if target.resource.virtual:
        return respond(review(target.resource, body), 201)
    return respond(create(cluster, target.resource, target.namespace, body, dry_run), 201)


def _dry_run(query: Mapping[str, str]) -> bool:
    value = query.get("dryRun", "")
    if value not in ("", "All"):
        raise bad_request(f'dryRun: Unsupported value: "{value}": supported values: "All"')
    return bool(value)


def create(
    cluster: Cluster, resource: Resource, namespace: str, body: Object, dry_run: bool = False
) -> Object:
    """Create an object as a client would; return it as stored.

    Raises ApiError 400, 403, 404, 409 or 422 as the real API would.
    """
    check_kind(resource, body)
    check_types(resource, body)
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in _SERVER_SET}
    if metadata.pop("resourceVersion", None):
        raise unclear("resourceVersion should not be set on objects to be created")
    if resource.namespaced:
        metadata["namespace"] = _namespace(cluster, resource, namespace, metadata)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + random_suffix()
    metadata["uid"] = str(uuid4())
    obj = {**body, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    if resource.status:
        obj.pop("status", None)
    obj = with_defaults(resource, without_nulls(resource, obj))
    validate(cluster, resource, obj, None)
    if resource.id == ("batch", "jobs"):
        obj = with_job_identity(obj)
    if dry_run:
        if cluster.store.get(resource, metadata.get("namespace", ""), metadata["name"]):
            raise already_exists(resource, metadata["name"])
        return {**obj, "metadata": {**metadata, "creationTimestamp": cluster.clock.stamp()}}
    stored = cluster.store.create(resource, obj)
    if resource.id == ("batch", "jobs"):
        # A client may look for the job's pod at once, without a pause between its looks.
        cluster.manager.reconcile_now(
            "jobs.batch", (stored["metadata"]["namespace"], stored["metadata"]["name"])
        )
    return stored


def _namespace(cluster: Cluster, resource: Resource, namespace: str, metadata: Object) -> str:
    """Return the namespace of a new object: the path's, which must exist and be there to stay."""
    given = metadata.get("namespace")
    if given and namespace and given != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    name = namespace or given or "default"
    found = cluster.get("namespaces", ("", name))
    if found is None:
        raise not_found(cluster.registry["namespaces"], name)
    if is_deleting(found):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = {"reason": "NamespaceTerminating", "message": f"namespace {name} is being terminated"}
        raise forbidden(resource, metadata.get("name", ""), why, [cause | {"field": "metadata.namespace"}])
    return str(name)


def replace(cluster: Cluster, target: Target, old: Object, new: Object, dry_run: bool = False) -> Object:
    """Put `new` in the place of `old` as a client would; return what the client gets back."""
    resource = target.resource
    check_identity(target, old, new)
    if target.subresource == "scale":
        replicas = (new.get("spec") or {}).get("replicas")
        merged = with_scale(resource, old, replicas)
    elif target.subresource == "status":
        merged = {**old, "status": new.get("status") or {}}
    else:
        merged = _merge(resource, old, new)
    if not target.subresource or resource.custom:
        merged = with_defaults(resource, without_nulls(resource, merged))
    if target.subresource != "status" or resource.custom:
        validate(cluster, resource, merged, old)
    if dry_run:
        stored = merged
    else:
        stored = cluster.store.update(resource, merged)
        settle_finalizers(cluster, resource, stored)
    return read_scale(resource, stored) if target.subresource == "scale" else stored


def _merge(resource: Resource, old: Object, new: Object) -> Object:
    """Return the new object with what only the server may set taken from the old one."""
    kept: dict[str, Any] = {
        key: old["metadata"][key]
        for key in ("name", "namespace", "resourceVersion", *_SERVER_SET)
        if key in old["metadata"]
    }
    own = {k: v for k, v in (new.get("metadata") or {}).items() if k not in _SERVER_SET}
    merged = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": {**own, **kept}}
    if resource.status:
        merged.pop("status", None)
        if "status" in old:
            merged["status"] = old["status"]
    return merged


async def _delete(cluster: Cluster, request: web.Request, target: Target) -> web.Response:
    options = DeleteOptions.from_request(request.query, await read_json(request))
    resource = target.resource
    if not target.name:
        return _delete_collection(cluster, request, target, options)
    obj = find(cluster, target)
    last = delete(cluster, resource, obj, options)
    preserving = resource.id == ("batch", "jobs") and options.propagation is None
    headers = {"Warning": _JOB_WARNING} if preserving else None
    if is_deleting(last) or resource.id == ("", "pods"):
        return respond(last, headers=headers)
    return respond(success(resource, target.name, last["metadata"]["uid"]), headers=headers)


def _delete_collection(
    cluster: Cluster, request: web.Request, target: Target, options: DeleteOptions
) -> web.Response:
    resource = target.resource
    if resource.id in {("", "namespaces"), ("", "services")}:
        raise method_not_allowed("DELETE")
    matching = query_predicate(resource, request.query)
    chosen = [obj for obj in cluster.store.all(resource, target.namespace) if matching(obj)]
    items = [delete(cluster, resource, obj, options) for obj in chosen]
    metadata = {"resourceVersion": str(cluster.store.revision)}
    kinds = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    return respond({**kinds, "metadata": metadata, "items": items})
