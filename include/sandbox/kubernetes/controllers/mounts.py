"""What a pod's containers need before they can start: volumes, secrets and config maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.programs import decoded


@dataclass(frozen=True)
class Missing:
    """Why a container waits: the state's reason, and the message."""

    reason: str
    message: str


def missing_part(cluster: Cluster, pod: Object) -> Missing | None:
    """Return the first thing that a pod refers to and that is not there, or None."""
    return next(_missing(cluster, pod), None)


def environment(cluster: Cluster, pod: Object) -> dict[str, str]:
    """Return the variables that the pod's first container gets from secrets as a whole, and by name."""
    container, found = pod["spec"]["containers"][0], {}
    for source in container.get("envFrom") or ():
        key = (pod["metadata"]["namespace"], dig(source, "secretRef", "name") or "")
        found |= decoded(cluster.get("secrets", key) or {})
    return found | {one["name"]: one["value"] for one in container.get("env") or () if "value" in one}


def _missing(cluster: Cluster, pod: Object) -> Iterator[Missing]:
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes") or ():
        secret, config = volume.get("secret") or {}, volume.get("configMap") or {}
        for resource, source, name in (
            ("secrets", secret, secret.get("secretName")),
            ("configmaps", config, config.get("name")),
        ):
            if name and not source.get("optional") and not cluster.get(resource, (namespace, name)):
                message = (
                    f'MountVolume.SetUp failed for volume "{volume["name"]}": {resource} "{name}" not found'
                )
                yield Missing("ContainerCreating", message)
        claim = dig(volume, "persistentVolumeClaim", "claimName")
        if (
            claim
            and dig(cluster.get("persistentvolumeclaims", (namespace, claim)), "status", "phase") != "Bound"
        ):
            yield Missing("ContainerCreating", f'persistentvolumeclaim "{claim}" not found or not bound')
    for container in pod["spec"]["containers"]:
        for resource, source in _references(container):
            name = source.get("name")
            if name and not source.get("optional") and not cluster.get(resource, (namespace, name)):
                yield Missing(
                    "CreateContainerConfigError", f'{resource.removesuffix("s")} "{name}" not found'
                )


def _references(container: Object) -> Iterator[tuple[str, Object]]:
    for source in container.get("envFrom") or ():
        yield "secrets", source.get("secretRef") or {}
        yield "configmaps", source.get("configMapRef") or {}
    for variable in container.get("env") or ():
        yield "secrets", dig(variable, "valueFrom", "secretKeyRef") or {}
        yield "configmaps", dig(variable, "valueFrom", "configMapKeyRef") or {}
