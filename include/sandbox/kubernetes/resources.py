"""Which resources the API serves: a table of the built-in ones, and the custom ones added at run time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

EVERY_VERB = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ_ONLY = ("get", "list")
CREATE_ONLY = ("create",)


@dataclass(frozen=True)
class Printed:
    """A column that a definition adds to the table of its kind. path: JSON path in the object."""

    name: str
    type: str
    path: str
    priority: int = 0


AGE = Printed("Age", "date", ".metadata.creationTimestamp")
"""The column of a definition that adds none."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind of object in one API version.

    generation: metadata.generation counts changes of the spec.
    status, scale: has that subresource. virtual: computed or evaluated, never stored.
    """

    group: str
    version: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = EVERY_VERB
    categories: tuple[str, ...] = ()
    generation: bool = False
    status: bool = False
    scale: bool = False
    virtual: bool = False
    custom: bool = False
    columns: tuple[Printed, ...] = ()
    schema: dict[str, Any] | None = field(default=None, compare=False)
    scale_paths: tuple[str, str, str] = (".spec.replicas", ".status.replicas", "")
    """Where a custom resource keeps the wanted number, the actual one, and the selector as a text."""

    @property
    def api_version(self) -> str:
        """The value of `apiVersion`: `v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name that error messages use: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """The name in the singular."""
        return self.kind.lower()

    @property
    def id(self) -> tuple[str, str]:
        """What identifies the stored objects, whatever version they are read in."""
        return self.group, self.plural


def _group(api_version: str, **rows: str) -> Iterator[Resource]:
    """Yield resources from rows `plural="Kind short,names flags…"`."""
    group, _, version = api_version.rpartition("/")
    for plural, row in rows.items():
        kind, *words = row.split()
        flags = {word for word in words if word.startswith("+")}
        yield Resource(
            group=group,
            version=version,
            plural=plural,
            kind=kind,
            short=tuple(name for word in words if word not in flags for name in word.split(",")),
            namespaced="+cluster" not in flags,
            verbs=READ_ONLY if "+read" in flags else CREATE_ONLY if "+review" in flags else EVERY_VERB,
            categories=("all",) if "+all" in flags else (),
            generation="+generation" in flags,
            status="+status" in flags,
            scale="+scale" in flags,
            virtual=bool(flags & {"+read", "+review"}),
        )


BUILT_IN: tuple[Resource, ...] = (
    *_group(
        "v1",
        namespaces="Namespace ns +cluster +status",
        nodes="Node no +cluster +status",
        pods="Pod po +status +all",
        services="Service svc +status +all",
        endpoints="Endpoints ep",
        configmaps="ConfigMap cm",
        secrets="Secret",
        serviceaccounts="ServiceAccount sa",
        persistentvolumes="PersistentVolume pv +cluster +status",
        persistentvolumeclaims="PersistentVolumeClaim pvc +status",
        events="Event ev",
        resourcequotas="ResourceQuota quota +status",
        limitranges="LimitRange limits",
    ),
    *_group(
        "apps/v1",
        deployments="Deployment deploy +generation +status +scale +all",
        replicasets="ReplicaSet rs +generation +status +scale +all",
        statefulsets="StatefulSet sts +generation +status +scale +all",
        daemonsets="DaemonSet ds +generation +status +all",
        controllerrevisions="ControllerRevision",
    ),
    *_group(
        "batch/v1",
        jobs="Job +generation +status +all",
        cronjobs="CronJob cj +generation +status +all",
    ),
    *_group("autoscaling/v2", horizontalpodautoscalers="HorizontalPodAutoscaler hpa +status +all"),
    *_group(
        "networking.k8s.io/v1",
        ingresses="Ingress ing +generation +status",
        networkpolicies="NetworkPolicy netpol +generation",
        ingressclasses="IngressClass +cluster +generation",
    ),
    *_group("policy/v1", poddisruptionbudgets="PodDisruptionBudget pdb +generation +status"),
    *_group(
        "rbac.authorization.k8s.io/v1",
        roles="Role",
        rolebindings="RoleBinding",
        clusterroles="ClusterRole +cluster",
        clusterrolebindings="ClusterRoleBinding +cluster",
    ),
    *_group("storage.k8s.io/v1", storageclasses="StorageClass sc +cluster"),
    *_group("discovery.k8s.io/v1", endpointslices="EndpointSlice"),
    *_group("coordination.k8s.io/v1", leases="Lease"),
    *_group(
        "apiextensions.k8s.io/v1",
        customresourcedefinitions="CustomResourceDefinition crd,crds +cluster +generation +status",
    ),
    *_group("metrics.k8s.io/v1beta1", nodes="NodeMetrics +cluster +read", pods="PodMetrics +read"),
    *_group(
        "authorization.k8s.io/v1",
        selfsubjectaccessreviews="SelfSubjectAccessReview +cluster +review",
        subjectaccessreviews="SubjectAccessReview +cluster +review",
    ),
    *_group("authentication.k8s.io/v1", selfsubjectreviews="SelfSubjectReview +cluster +review"),
)


class Registry:
    """The resources served now."""

    def __init__(self) -> None:
        self._served = {(r.api_version, r.plural): r for r in BUILT_IN}
        self._by_id = {r.id: r for r in BUILT_IN if not r.virtual}

    def find(self, api_version: str, plural: str) -> Resource | None:
        """Return the resource of that path, or None."""
        return self._served.get((api_version, plural))

    def __getitem__(self, qualified: str) -> Resource:
        """Return the stored resource named `pods` or `deployments.apps`; raise KeyError if none."""
        plural, _, group = qualified.partition(".")
        return self._by_id[group, plural]

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """Return the stored resource whose objects say `apiVersion` and `kind`, or None."""
        served = self._served.values()
        return next((r for r in served if (r.api_version, r.kind) == (api_version, kind)), None)

    def versions(self) -> dict[str, list[Resource]]:
        """Return the served resources by `apiVersion`, in the table's order."""
        found: dict[str, list[Resource]] = {}
        for resource in self._served.values():
            found.setdefault(resource.api_version, []).append(resource)
        return found

    def stored(self) -> list[Resource]:
        """Return one resource for each kind of stored object."""
        return list(self._by_id.values())

    def add_definition(self, definition: dict[str, Any]) -> None:
        """Serve what a CustomResourceDefinition defines, in place of an earlier one of its name."""
        self.remove_definition(definition)
        spec = definition["spec"]
        for version in spec["versions"]:
            if version.get("served", True):
                resource = _custom(spec, version)
                self._served[resource.api_version, resource.plural] = resource
                if version.get("storage") or resource.id not in self._by_id:
                    self._by_id[resource.id] = resource

    def remove_definition(self, definition: dict[str, Any]) -> None:
        """Stop serving what a CustomResourceDefinition defines."""
        identity = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        self._served = {key: r for key, r in self._served.items() if r.id != identity}
        self._by_id.pop(identity, None)


def _custom(spec: dict[str, Any], version: dict[str, Any]) -> Resource:
    names = spec["names"]
    subresources = version.get("subresources") or {}
    columns = [
        Printed(c["name"], c.get("type", "string"), c["jsonPath"], c.get("priority", 0))
        for c in version.get("additionalPrinterColumns") or ()
    ]
    scale = subresources.get("scale")
    paths = [
        (scale or {}).get(f"{part}Path") or "" for part in ("specReplicas", "statusReplicas", "labelSelector")
    ]
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        short=tuple(names.get("shortNames") or ()),
        namespaced=spec.get("scope") == "Namespaced",
        categories=tuple(names.get("categories") or ()),
        generation=True,
        status="status" in subresources,
        custom=True,
        scale=scale is not None,
        columns=tuple(columns) or (AGE,),
        schema=(version.get("schema") or {}).get("openAPIV3Schema"),
        scale_paths=(paths[0], paths[1], paths[2]),
    )
