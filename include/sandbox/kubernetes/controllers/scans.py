"""The trivy-operator: a VulnerabilityReport for every container of every workload that runs."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.kubernetes.clock import seconds_since
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.deletion import AT_ONCE, delete
from sandbox.kubernetes.objects import (
    Key,
    Object,
    controller_of,
    dig,
    is_deleting,
    key_of,
    labels_of,
    owner_reference,
)
from sandbox.kubernetes.podstatus import image_digest
from sandbox.kubernetes.store import Change
from sandbox.kubernetes.vulnerabilities import (
    SEVERITIES,
    as_report_entry,
    count_by_severity,
    vulnerabilities_of,
)

REPORTS = "vulnerabilityreports.aquasecurity.github.io"
LIFETIME_SECONDS = 86_400.0
"""The operator's default: a report older than a day is made again."""

_SCANNED = ("replicasets.apps", "statefulsets.apps", "daemonsets.apps")


class Scans(Controller):
    """Scans the workloads. Its keys' second part is the resource and the name."""

    resource = REPORTS

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at workloads whose spec has changed."""
        if change.resource.qualified not in _SCANNED or change.type == "DELETED":
            return []
        if change.previous and change.previous["spec"] == change.object["spec"]:
            return []
        namespace, name = key_of(change.object)
        return [(namespace, f"{change.resource.qualified}/{name}")]

    def reconcile(self, key: Key) -> float | None:
        """Make missing and outdated reports, and remove those of what no longer runs."""
        qualified, _, name = key[1].partition("/")
        workload = self.cluster.get(qualified, (key[0], name))
        if workload is None or is_deleting(workload):
            return None
        resource = self.cluster.registry[REPORTS]
        runs = workload["spec"].get("replicas", 1) > 0
        for container in workload["spec"]["template"]["spec"]["containers"] if runs else ():
            self._scan(workload, container)
        for report in self.owned(workload, REPORTS):
            if not runs:
                delete(self.cluster, resource, report, AT_ONCE)
        return LIFETIME_SECONDS if runs else None

    def _scan(self, workload: Object, container: Object) -> None:
        resource, store = self.cluster.registry[REPORTS], self.cluster.store
        new = _report(workload, container, self.cluster.clock.stamp())
        old = store.get(resource, *key_of(new))
        if old is None:
            store.create(resource, new)
            return
        age = seconds_since(old["report"]["updateTimestamp"], self.cluster.clock.now())
        same = dig(old, "report", "artifact") == new["report"]["artifact"]
        if not same or age >= LIFETIME_SECONDS:
            store.update(resource, {**old, "report": new["report"]})


def _report(workload: Object, container: Object, stamp: str) -> Object:
    metadata, kind = workload["metadata"], workload["kind"]
    image = container["image"]
    found = vulnerabilities_of(image)
    counts = count_by_severity(found)
    server, repository, tag = split_image(image)
    owner = controller_of(workload)
    prefix = "trivy-operator"
    labels = {
        f"{prefix}.resource.kind": kind,
        f"{prefix}.resource.name": metadata["name"],
        f"{prefix}.resource.namespace": metadata["namespace"],
        f"{prefix}.container.name": container["name"],
        "app": labels_of(workload).get("app") or (owner["name"] if owner else metadata["name"]),
    }
    return {
        "apiVersion": "aquasecurity.github.io/v1alpha1",
        "kind": "VulnerabilityReport",
        "metadata": {
            "name": f"{kind.lower()}-{metadata['name']}-{container['name']}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(workload) | {"blockOwnerDeletion": False}],
        },
        "report": {
            "updateTimestamp": stamp,
            "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.58.1"},
            "registry": {"server": server},
            "artifact": {"repository": repository, "tag": tag, "digest": image_digest(image)},
            "os": {"family": "debian", "name": "12.8"},
            "summary": {f"{severity.lower()}Count": counts[severity] for severity in SEVERITIES}
            | {"noneCount": 0},
            "vulnerabilities": [as_report_entry(v, "") for v in found],
        },
    }


def split_image(image: str) -> tuple[str, str, str]:
    """Return an image's registry, repository and tag.

    >>> split_image("mysql:8.0.36"), split_image("ghcr.io/a/b:1")
    (('index.docker.io', 'library/mysql', '8.0.36'), ('ghcr.io', 'a/b', '1'))
    """
    name, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
    server, slash, repository = name.partition("/")
    if slash and ("." in server or ":" in server):
        return server, repository, tag
    return "index.docker.io", name if slash else f"library/{name}", tag
