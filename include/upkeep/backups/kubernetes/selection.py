"""What of a namespace is exported, and what it depends on outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from upkeep.backups.kubernetes.cleaning import DERIVED_KINDS, cleaned, left_out
from upkeep.backups.kubernetes.kinds import (
    DEFINITIONS,
    NAMESPACES,
    VOLUMES,
    Kind,
    Object,
    find,
    listed,
    name_of,
    served_kinds,
)
from upkeep.clients.answers import child, text
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import ConfigurationError

SECRETS = Kind("", "secrets", "v1", "Secret", True)


@dataclass(frozen=True)
class Selection:
    """What to export. kinds: names such as `secrets`, `deployments.apps`; none means all.

    labels: a label selector. certificate_secrets: also the secrets that the chosen certificates name,
    though `kinds` has no secrets.
    """

    kinds: tuple[str, ...] = ()
    labels: str | None = None
    certificate_secrets: bool = False


EVERYTHING = Selection()
CERTIFICATE = "certificates.cert-manager.io"


@dataclass
class Seen:
    """What an export has come across. left_out: reason → how many; counts: kind → how many were kept."""

    counts: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    selecting: set[str] = field(default_factory=set)
    certificate_secrets: set[str] = field(default_factory=set)
    cluster_roles: set[str] = field(default_factory=set)
    custom: set[str] = field(default_factory=set)


def chosen_kinds(api: Api, selection: Selection) -> list[Kind]:
    """Return the kinds to export, secrets first and services before endpoints.

    Raises ConfigurationError for a kind that the cluster does not serve.
    """
    kinds = [kind for kind in served_kinds(api) if kind.namespaced and kind.name not in DERIVED_KINDS]
    if missing := set(selection.kinds) - {kind.name for kind in kinds}:
        raise ConfigurationError(
            f"{api.host} serves no {', '.join(sorted(missing))}; kinds are named as in "
            "`kubectl api-resources`: secrets, deployments.apps"
        )
    chosen = [kind for kind in kinds if not selection.kinds or kind.name in selection.kinds]
    first = {"secrets": 0, "services": 1}
    return sorted(chosen, key=lambda kind: (first.get(kind.name, 2), kind))


def chosen_objects(
    api: Api, namespace: str, kind: Kind, selection: Selection, seen: Seen
) -> Iterator[Object]:
    """Yield the objects of one kind as they are, and note in `seen` what they depend on."""
    for obj in listed(api, kind, namespace, selection.labels):
        why = left_out(kind, obj, seen.selecting)
        if why:
            seen.left_out[why] = seen.left_out.get(why, 0) + 1
            continue
        seen.counts[kind.name] = seen.counts.get(kind.name, 0) + 1
        _note(kind, obj, seen)
        yield obj


def everything(api: Api, namespace: str, selection: Selection, seen: Seen) -> Iterator[tuple[Kind, Object]]:
    """Yield all chosen objects of a namespace as they are, secrets first."""
    for kind in chosen_kinds(api, selection):
        for obj in chosen_objects(api, namespace, kind, selection, seen):
            yield kind, obj
    if selection.certificate_secrets and "secrets" not in selection.kinds:
        for obj in _named_secrets(api, namespace, seen):
            yield SECRETS, obj


def _named_secrets(api: Api, namespace: str, seen: Seen) -> Iterator[Object]:
    """Yield the secrets that the certificates name; one that is not issued yet is none."""
    for obj in listed(api, SECRETS, namespace):
        if name_of(obj) in seen.certificate_secrets:
            seen.counts["secrets"] = seen.counts.get("secrets", 0) + 1
            yield obj


def _note(kind: Kind, obj: Object, seen: Seen) -> None:
    spec = child(obj, "spec") if isinstance(obj.get("spec"), dict) else {}
    if kind.name == "services" and spec.get("selector"):
        seen.selecting.add(name_of(obj))
    elif kind.name == CERTIFICATE:
        seen.certificate_secrets.add(text(spec, "secretName"))
    elif kind.name == "rolebindings.rbac.authorization.k8s.io":
        role = child(obj, "roleRef")
        if role.get("kind") == "ClusterRole":
            seen.cluster_roles.add(text(role, "name"))
    seen.custom.add(kind.name)


def dependencies(api: Api, namespace: str, seen: Seen) -> tuple[list[Object], Mapping[str, Any]]:
    """Return what must be there before the objects, and what is only written down.

    The first: the namespace, and the definitions of the custom resources that were exported. The second:
    `volumes` (of the bound claims) and `cluster_roles` (names): both belong to the cluster.
    """
    needed = [cleaned(api.get(NAMESPACES.path(None, namespace)) | {"apiVersion": "v1", "kind": "Namespace"})]
    needed += [cleaned(definition) for name in sorted(seen.custom) if (definition := _definition(api, name))]
    claims = seen.counts.get("persistentvolumeclaims")
    volumes = [_volume(obj) for obj in _bound(api, namespace)] if claims else []
    return needed, {"volumes": volumes, "cluster_roles": sorted(seen.cluster_roles)}


def _definition(api: Api, name: str) -> Object | None:
    """Return the definition of a kind; None if it is built in."""
    if "." not in name.partition(".")[2]:
        return None
    found = find(api, DEFINITIONS.path(None, name))
    head = {"apiVersion": DEFINITIONS.api_version, "kind": DEFINITIONS.kind}
    return None if found is None else found | head


def _bound(api: Api, namespace: str) -> Iterator[Object]:
    for volume in listed(api, VOLUMES, None):
        if child(child(volume, "spec"), "claimRef").get("namespace") == namespace:
            yield volume


def _volume(volume: Object) -> dict[str, Any]:
    spec = child(volume, "spec")
    driver = child(spec, "csi")
    return {
        "name": name_of(volume),
        "claim": child(spec, "claimRef").get("name"),
        "storage_class": spec.get("storageClassName"),
        "size": child(spec, "capacity").get("storage"),
        "reclaim": spec.get("persistentVolumeReclaimPolicy"),
        "driver": driver.get("driver"),
        "handle": driver.get("volumeHandle"),
    }
