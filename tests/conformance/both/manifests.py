"""Small objects that every cluster accepts: its kubelets, if it has any, can pull and run the images."""

from __future__ import annotations

from typing import Any

IMAGE = "registry.k8s.io/pause:3.10"
OTHER_IMAGE = "registry.k8s.io/pause:3.9"
NOWHERE = {"example.com/nowhere": "true"}
"""A node selector that no node has."""


def config_map(name: str, data: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    """A config map with labels."""
    metadata = {"name": name, "labels": labels}
    data = {"key": "value"} if data is None else data
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def owned(body: dict[str, Any], owner: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The object with an owner; more: of the reference."""
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **more}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return body | {"metadata": body["metadata"] | {"ownerReferences": [reference]}}


def pod_template(name: str, image: str = IMAGE, **spec: Any) -> dict[str, Any]:
    """A template of pods with one container, labelled with the name."""
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": "10m"}}}
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, **spec},
    }


def pod(name: str, **spec: Any) -> dict[str, Any]:
    """A pod."""
    template = pod_template(name, **spec)
    metadata = template["metadata"] | {"name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def deployment(
    name: str, replicas: int = 1, template: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A deployment."""
    spec |= {"replicas": replicas, "selector": {"matchLabels": {"app": name}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec | {"template": template or pod_template(name)},
    }


def job(name: str, pod_spec: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A job whose pods end at once and well, where they run."""
    container = {"name": "app", "image": "busybox:1.37", "command": ["true"]}
    inner = {"restartPolicy": "Never", "containers": [container], **(pod_spec or {})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": inner}, **spec},
    }


ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
"""The schema that takes every object."""


def definition(group: str, kind: str, schema: dict[str, Any], **version: Any) -> dict[str, Any]:
    """The definition of a kind with a schema, in version v1; version: more of it, or another name."""
    plural, singular = f"{kind.lower()}s", kind.lower()
    names = {"plural": plural, "singular": singular, "kind": kind, "listKind": f"{kind}List"}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served | version]},
    }
