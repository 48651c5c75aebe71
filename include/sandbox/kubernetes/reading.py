"""GET: one object, a list, a page, a table, a watch."""

from __future__ import annotations

from aiohttp import web

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import method_not_allowed, not_found
from sandbox.kubernetes.messages import partial, respond, wants_metadata, wants_table
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.routing import Target
from sandbox.kubernetes.selectors import query_predicate
from sandbox.kubernetes.subresources import read_scale, send_log
from sandbox.kubernetes.tables import table
from sandbox.kubernetes.watch import watch


async def read(cluster: Cluster, request: web.Request, target: Target) -> web.StreamResponse:
    """Answer a GET."""
    verb = "get" if target.name else "list"
    if verb not in target.resource.verbs:
        raise method_not_allowed(request.method)
    if target.name:
        return await _read_one(cluster, request, target)
    if request.query.get("watch", "").lower() in ("true", "1"):
        if target.resource.virtual:
            raise method_not_allowed("watch")
        return await watch(cluster, request, target)
    return _read_list(cluster, request, target)


def find(cluster: Cluster, target: Target) -> Object:
    """Return the object that a target names; raise ApiError 404 if there is none."""
    found = cluster.store.get(target.resource, target.namespace, target.name)
    if found is None:
        raise not_found(target.resource, target.name)
    return versioned(target.resource, found)


def versioned(resource: Resource, obj: Object) -> Object:
    """Return an object in the version in which it is asked for."""
    if obj["apiVersion"] == resource.api_version:
        return obj
    return {**obj, "apiVersion": resource.api_version}


async def _read_one(cluster: Cluster, request: web.Request, target: Target) -> web.StreamResponse:
    if target.resource.virtual:
        items = [m for m in _metrics(cluster, target) if m["metadata"]["name"] == target.name]
        if not items:
            raise not_found(target.resource, target.name)
        return respond(items[0])
    obj = find(cluster, target)
    if target.subresource == "log":
        return await send_log(cluster, request, obj)
    if target.subresource == "scale":
        return respond(read_scale(target.resource, obj))
    if target.subresource == "eviction":
        raise method_not_allowed("GET")
    if wants_table(request):
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        include = request.query.get("includeObject", "")
        return respond(table(target.resource, [obj], metadata, include, cluster.clock.now()))
    return respond(partial(obj) if wants_metadata(request) else obj)


def _read_list(cluster: Cluster, request: web.Request, target: Target) -> web.Response:
    resource, query, store = target.resource, request.query, cluster.store
    matching = query_predicate(resource, query)
    if resource.virtual:
        items = [item for item in _metrics(cluster, target) if matching(item)]
        return respond(_list(resource, items, {"resourceVersion": str(store.revision)}))
    everything = store.all(resource, target.namespace)
    items = [versioned(resource, obj) for obj in everything if matching(obj)]
    selectors = (query.get("labelSelector", ""), query.get("fieldSelector", ""))
    scope = "|".join((resource.api_version, resource.plural, target.namespace, *selectors))
    page = cluster.pager.page(scope, query, items, store.revision)
    if wants_table(request):
        include = query.get("includeObject", "")
        return respond(table(resource, page.items, page.metadata(), include, cluster.clock.now()))
    if wants_metadata(request):
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return respond({**head, "metadata": page.metadata(), "items": [partial(item) for item in page.items]})
    return respond(_list(resource, page.items, page.metadata()))


def _list(resource: Resource, items: list[Object], metadata: Object) -> Object:
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": items,
    }


def _metrics(cluster: Cluster, target: Target) -> list[Object]:
    if target.resource.plural == "nodes":
        return cluster.usage.node_metrics(cluster.all("nodes"))
    if target.name:
        pod = cluster.get("pods", (target.namespace, target.name))
        pods = [pod] if pod else []
    else:
        pods = cluster.all("pods", target.namespace)
    return [metrics for pod in pods if (metrics := cluster.usage.pod_metrics(pod))]
