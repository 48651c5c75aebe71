"""What the API says about itself: versions, groups, resources, and as much OpenAPI as kubectl asks for."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.errors import no_such_path, not_implemented
from sandbox.kubernetes.resources import Registry, Resource

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}


def document(registry: Registry, path: str) -> dict[str, Any] | None:
    """Return the discovery document at a path, or None if it is not one's path.

    Raises ApiError 404 for a group or version that is not served, 501 for OpenAPI version 2.
    """
    parts = [part for part in path.split("/") if part]
    if parts in (["version"], ["api"], ["apis"]):
        return _root(registry, parts[0])
    if parts[:1] == ["openapi"]:
        return _openapi(registry, parts[1:])
    if parts[:1] == ["apis"] and len(parts) == 2:
        groups = _groups(registry)
        if parts[1] not in groups:
            raise no_such_path()
        return {"kind": "APIGroup", "apiVersion": "v1", **groups[parts[1]]}
    if (parts[:1], len(parts)) in ((["api"], 2), (["apis"], 3)):
        return _resource_list(registry, "/".join(parts[1:]))
    return None


def _root(registry: Registry, name: str) -> dict[str, Any]:
    if name == "version":
        return VERSION
    if name == "api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(_groups(registry).values())}


def _groups(registry: Registry) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for api_version in registry.versions():
        group, slash, version = api_version.partition("/")
        if slash:
            entry = {"groupVersion": api_version, "version": version}
            found = groups.setdefault(group, {"name": group, "versions": [], "preferredVersion": entry})
            found["versions"].append(entry)
    return groups


def _resource_list(registry: Registry, api_version: str) -> dict[str, Any]:
    resources = registry.versions().get(api_version)
    if resources is None:
        raise no_such_path()
    entries = [entry for resource in resources for entry in _entries(resource)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": entries,
    }


def _entries(resource: Resource) -> list[dict[str, Any]]:
    own: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        own["shortNames"] = list(resource.short)
    if resource.categories:
        own["categories"] = list(resource.categories)
    sub = {"singularName": "", "namespaced": resource.namespaced, "verbs": ["get", "patch", "update"]}
    entries = [own]
    if resource.status:
        entries.append({"name": f"{resource.plural}/status", "kind": resource.kind, **sub})
    if resource.scale:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        entries.append({"name": f"{resource.plural}/scale", **scale, **sub})
    if resource.id == ("", "pods") and not resource.virtual:
        entries.append({"name": "pods/log", "kind": "Pod", **sub, "verbs": ["get"]})
        eviction = {"group": "policy", "version": "v1", "kind": "Eviction"}
        entries.append({"name": "pods/eviction", **eviction, **sub, "verbs": ["create"]})
    return entries


def _openapi(registry: Registry, parts: list[str]) -> dict[str, Any]:
    """Return which kinds take `dryRun` and `fieldValidation`, which kubectl asks before it applies."""
    if parts[:1] == ["v2"]:
        raise not_implemented("OpenAPI version 2")
    if parts == ["v3"]:
        paths = {
            f"{_prefix(v)}/{v}": {"serverRelativeURL": f"/openapi/v3/{_prefix(v)}/{v}?hash=0"}
            for v in registry.versions()
        }
        return {"paths": paths}
    resources = registry.versions().get("/".join(parts[2:]))
    if resources is None:
        raise no_such_path()
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {f"/{'/'.join(parts[1:])}/{r.plural}/{{name}}": _operations(r) for r in resources},
    }


def _prefix(api_version: str) -> str:
    return "apis" if "/" in api_version else "api"


def _operations(resource: Resource) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    operation = {
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-group-version-kind": kind,
    }
    return {"patch": {**operation, "x-kubernetes-action": "patch"}}
