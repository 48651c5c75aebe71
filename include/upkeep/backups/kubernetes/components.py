"""Components: which of a namespace have failed, and what in an export belongs to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from upkeep.backups.kubernetes.kinds import Object, label, name_of
from upkeep.clients.answers import child, children

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def parts_of(objects: list[Object], component: str) -> list[Object]:
    """Return the objects of one component: itself, and of a workload what its pods need and what needs it.

    component: `Kind/name`. Its pods need config maps, secrets, claims and the service account; services,
    budgets, autoscalers and network policies select or scale it.
    """
    found = next((obj for obj in objects if label(obj) == component), None)
    if found is None:
        return []
    if found["kind"] not in WORKLOADS:
        return [found]
    template = child(child(found, "spec"), "template")
    needed = set(_needs(child(template, "spec")))
    needed |= {f"PersistentVolumeClaim/{name}" for name in _templated_claims(found, objects)}
    labels = child(child(template, "metadata"), "labels")
    return [o for o in objects if o is found or label(o) in needed or _belongs(o, found, labels)]


def _needs(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield the labels of what a pod's spec names."""
    if pod.get("serviceAccountName"):
        yield f"ServiceAccount/{pod['serviceAccountName']}"
    for secret in children(pod, "imagePullSecrets"):
        yield f"Secret/{secret.get('name')}"
    for container in [*children(pod, "containers"), *children(pod, "initContainers")]:
        sources = [*children(container, "envFrom")]
        sources += [child(env, "valueFrom") for env in children(container, "env")]
        for source in sources:
            for key in ("configMapRef", "configMapKeyRef"):
                if key in source:
                    yield f"ConfigMap/{source[key].get('name')}"
            for key in ("secretRef", "secretKeyRef"):
                if key in source:
                    yield f"Secret/{source[key].get('name')}"
    for volume in children(pod, "volumes"):
        yield from _volume(volume)
        for source in children(child(volume, "projected"), "sources"):
            yield from _volume(source)


def _volume(volume: Mapping[str, Any]) -> Iterator[str]:
    if "configMap" in volume:
        yield f"ConfigMap/{volume['configMap'].get('name')}"
    if "secret" in volume:
        yield f"Secret/{volume['secret'].get('secretName') or volume['secret'].get('name')}"
    if "persistentVolumeClaim" in volume:
        yield f"PersistentVolumeClaim/{volume['persistentVolumeClaim'].get('claimName')}"


def _templated_claims(found: Object, objects: list[Object]) -> list[str]:
    """Return the claims that a stateful set made: `<template>-<set>-<number>`."""
    templates = children(child(found, "spec"), "volumeClaimTemplates")
    heads = tuple(f"{name_of(template)}-{name_of(found)}-" for template in templates)
    claims = [name_of(obj) for obj in objects if obj["kind"] == "PersistentVolumeClaim"]
    return [name for name in claims if name.startswith(heads) and name.rpartition("-")[2].isdigit()]


def _belongs(obj: Object, workload: Object, labels: Mapping[str, Any]) -> bool:
    spec = obj["spec"] if isinstance(obj.get("spec"), dict) else {}
    if obj["kind"] == "HorizontalPodAutoscaler":
        target = child(spec, "scaleTargetRef")
        return (target.get("kind"), target.get("name")) == (workload["kind"], name_of(workload))
    if obj["kind"] == "Service":
        return _selects(child(spec, "selector"), labels)
    if obj["kind"] == "PodDisruptionBudget":
        return _selects(child(child(spec, "selector"), "matchLabels"), labels)
    if obj["kind"] == "NetworkPolicy":
        return _selects(child(child(spec, "podSelector"), "matchLabels"), labels)
    return False


def _selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
