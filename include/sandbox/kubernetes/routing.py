"""From a path to what it names."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.kubernetes.errors import ApiError, no_such_path, not_implemented
from sandbox.kubernetes.resources import Registry, Resource

_REAL_GROUPS = ("apps", "autoscaling", "batch", "extensions", "policy")
"""Groups of the real API whose names have no dot; the others end in `.k8s.io`."""

_REAL_SUBRESOURCES = {
    "pods": ("attach", "binding", "ephemeralcontainers", "exec", "portforward", "proxy", "resize"),
    "services": ("proxy",),
    "nodes": ("proxy",),
    "serviceaccounts": ("token",),
    "namespaces": ("finalize",),
}
_SERVED = {"pods": ("log", "eviction")}


@dataclass(frozen=True)
class Target:
    """What a request is about; without a name, the collection."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


def target_of(registry: Registry, path: str) -> Target:
    """Return what the path names; raise ApiError 404, or 501 for what only the real API has."""
    api_version, rest = _split(path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *more = [*rest, "", ""]
    resource = registry.find(api_version, plural)
    if resource is None:
        raise _unknown(registry, api_version, plural)
    if namespace and not resource.namespaced:
        raise no_such_path()
    if name and resource.namespaced and not namespace:
        raise no_such_path()
    _check_subresource(resource, subresource, more)
    return Target(resource, namespace, name, subresource)


def _split(path: str) -> tuple[str, list[str]]:
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        return parts[1], parts[2:]
    if parts[:1] == ["apis"] and len(parts) > 3:
        return f"{parts[1]}/{parts[2]}", parts[3:]
    raise no_such_path()


def _unknown(registry: Registry, api_version: str, plural: str) -> ApiError:
    group, slash, _ = api_version.partition("/")
    real = not slash or group in _REAL_GROUPS or group.endswith(".k8s.io")
    defined = any(r.custom and r.group == group for rs in registry.versions().values() for r in rs)
    return not_implemented(f"{plural} in {api_version}") if real and not defined else no_such_path()


def _check_subresource(resource: Resource, subresource: str, more: list[str]) -> None:
    if subresource in _REAL_SUBRESOURCES.get(resource.plural, ()) and not resource.group:
        raise not_implemented(f"{resource.plural}/{subresource}")
    served = [*_SERVED.get(resource.plural, ()), *(["scale"] if resource.scale else [])]
    if resource.status:
        served.append("status")
    if subresource and (subresource not in served or any(more)):
        raise no_such_path()
