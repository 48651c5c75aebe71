"""Which kinds of objects a cluster serves, found by asking it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from upkeep.clients.answers import NotFoundError, child, children, text
from upkeep.clients.kubernetes.api import Api, join

Object = dict[str, Any]
"""An object of the API, as JSON."""

COMPUTED = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")
"""Groups whose objects are measured, never stored; they are often down, which must not stop an export."""


@dataclass(frozen=True, order=True)
class Kind:
    """One kind of stored object, in the version that the cluster prefers."""

    group: str
    plural: str
    version: str
    kind: str
    namespaced: bool

    @property
    def name(self) -> str:
        """Its name among all groups: `secrets`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """What its objects say as `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, *names: str) -> str:
        """Return the path of its list, or of one object."""
        prefix = f"apis/{self.api_version}" if self.group else f"api/{self.version}"
        return join(prefix, namespace if self.namespaced else None, self.plural, *names)


DEFINITIONS = Kind(
    "apiextensions.k8s.io", "customresourcedefinitions", "v1", "CustomResourceDefinition", False
)
NAMESPACES = Kind("", "namespaces", "v1", "Namespace", False)
VOLUMES = Kind("", "persistentvolumes", "v1", "PersistentVolume", False)
CLAIMS = Kind("", "persistentvolumeclaims", "v1", "PersistentVolumeClaim", True)
PODS = Kind("", "pods", "v1", "Pod", True)
DEPLOYMENTS = Kind("apps", "deployments", "v1", "Deployment", True)
REPLICA_SETS = Kind("apps", "replicasets", "v1", "ReplicaSet", True)
STORAGE_CLASSES = Kind("storage.k8s.io", "storageclasses", "v1", "StorageClass", False)
QUOTAS = Kind("", "resourcequotas", "v1", "ResourceQuota", True)
SNAPSHOTS = Kind("snapshot.storage.k8s.io", "volumesnapshots", "v1", "VolumeSnapshot", True)


def served_kinds(api: Api) -> list[Kind]:
    """Return the kinds that can be listed and made, each once, in the version preferred.

    Raises what the client raises, also for one group that does not answer: an export without it would
    be short, and nobody would know.
    """
    found: dict[tuple[str, str], Kind] = {}
    for api_version in _versions(api):
        group, slash, version = api_version.rpartition("/")
        root = f"/apis/{api_version}" if slash else f"/api/{api_version}"
        for row in children(api.get(root), "resources"):
            plural = text(row, "name")
            if "/" not in plural and {"list", "create"} <= set(row.get("verbs") or ()):
                one = Kind(group, plural, version, text(row, "kind"), row.get("namespaced") is True)
                found.setdefault((group, plural), one)
    return sorted(found.values())


def _versions(api: Api) -> Iterator[str]:
    """Yield every served `group/version`, the preferred ones of each group first."""
    yield from api.get("/api").get("versions") or ()
    for group in children(api.get("/apis"), "groups"):
        if text(group, "name") in COMPUTED:
            continue
        first = text(child(group, "preferredVersion"), "groupVersion")
        others = [text(version, "groupVersion") for version in children(group, "versions")]
        yield from [first, *(other for other in others if other != first)]


def by_object(kinds: Iterable[Kind]) -> Mapping[tuple[str, str], Kind]:
    """Return the kinds by the `apiVersion` and `kind` that their objects say."""
    return {(kind.api_version, kind.kind): kind for kind in kinds}


def identity(obj: Object) -> tuple[str, str]:
    """Return the `apiVersion` and `kind` of an object."""
    return text(obj, "apiVersion"), text(obj, "kind")


def name_of(obj: Object) -> str:
    """Return the name of an object."""
    return text(child(obj, "metadata"), "name")


def label(obj: Object) -> str:
    """Return how messages name an object.

    >>> label({"kind": "Secret", "metadata": {"name": "login"}})
    'Secret/login'
    """
    return f"{obj.get('kind')}/{name_of(obj)}"


def find(api: Api, path: str) -> Object | None:
    """Return the object of a path, None if it is not there."""
    try:
        return api.get(path)
    except NotFoundError:
        return None


def listed(api: Api, kind: Kind, namespace: str | None, selector: str | None = None) -> Iterator[Object]:
    """Yield the objects of a kind, page by page, each with the kind that lists leave out."""
    for page in api.pages(kind.path(namespace), {"labelSelector": selector}, 500):
        for item in page:
            yield {"apiVersion": kind.api_version, "kind": kind.kind, **item}
