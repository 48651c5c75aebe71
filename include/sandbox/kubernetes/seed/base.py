"""The cluster itself: nodes, storage, kinds of other operators, and the roles."""

from __future__ import annotations

from sandbox.kubernetes.clock import stamp_fine
from sandbox.kubernetes.defaults import DEFAULT_STORAGE_CLASS
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.seed import builders
from sandbox.kubernetes.seed.gardener import Gardener

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
WORKERS = ("worker-1", "worker-2", "worker-3")
_CONTROL = "control-plane-1"


def plant(gardener: Gardener) -> None:
    """Create what every cluster has."""
    gardener.add(*map(builders.namespace, SYSTEM_NAMESPACES))
    for number, name in enumerate((_CONTROL, *WORKERS)):
        gardener.add(_node(name, number, gardener.cluster.clock.stamp()))
        gardener.add(_lease(name, stamp_fine(gardener.now)))
    gardener.add(*_storage(), *_definitions(), *_roles())
    issuer: Object = {"acme": {"server": "https://acme-v02.api.letsencrypt.org/directory"}}
    gardener.add(
        builders.custom("cert-manager.io/v1", "ClusterIssuer", "", "letsencrypt-production", issuer),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": {"controller": "k8s.io/ingress-nginx"},
        },
    )


def _node(name: str, number: int, stamp: str) -> Object:
    control = name == _CONTROL
    role = "control-plane" if control else "worker"
    amounts = {"cpu": "4" if control else "8", "memory": "16Gi" if control else "32Gi", "pods": "5000"}
    amounts["ephemeral-storage"] = "200Gi"
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        f"node-role.kubernetes.io/{role}": "",
        "topology.kubernetes.io/zone": f"eu-central-1{'abc'[number % 3]}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint]} if control else {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"192.168.10.{number + 10}"},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": amounts,
            "capacity": amounts,
            "conditions": _node_conditions(stamp),
            "nodeInfo": {
                "architecture": "amd64",
                "containerRuntimeVersion": "containerd://1.7.27",
                "kernelVersion": "6.1.0-31-amd64",
                "kubeletVersion": "v1.32.4",
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
            },
        },
    }


def _node_conditions(stamp: str) -> list[Object]:
    reasons = {
        "MemoryPressure": "KubeletHasSufficientMemory",
        "DiskPressure": "KubeletHasNoDiskPressure",
        "PIDPressure": "KubeletHasSufficientPID",
        "Ready": "KubeletReady",
    }
    times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
    return [
        {"type": kind, "status": str(kind == "Ready"), "reason": reason, "message": reason, **times}
        for kind, reason in reasons.items()
    ]


def _lease(node: str, renewed: str) -> Object:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": renewed},
    }


def _storage() -> list[Object]:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "annotations": annotations},
            "provisioner": "ebs.csi.aws.com",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
            "allowVolumeExpansion": expandable,
        }
        for name, annotations, expandable in (
            (DEFAULT_STORAGE_CLASS, default, True),
            ("fixed", {}, False),
        )
    ]


def _definitions() -> list[Object]:
    ready = {"Ready": '.status.conditions[?(@.type=="Ready")].status'}
    certificate = {**ready, "Secret": ".spec.secretName", "Not After": ".status.notAfter"}
    report = {
        "Repository": ".report.artifact.repository",
        "Tag": ".report.artifact.tag",
        "Critical": ".report.summary.criticalCount",
        "High": ".report.summary.highCount",
    }
    snapshot = {"ReadyToUse": ".status.readyToUse", "RestoreSize": ".status.restoreSize"}
    define = builders.definition
    manager, snapshots = "cert-manager.io", "snapshot.storage.k8s.io"
    return [
        define(manager, "v1", "Certificate", "certificates", short=["cert", "certs"], columns=certificate),
        define(manager, "v1", "Issuer", "issuers", columns=ready),
        define(manager, "v1", "ClusterIssuer", "clusterissuers", cluster=True, columns=ready),
        define(
            "aquasecurity.github.io",
            "v1alpha1",
            "VulnerabilityReport",
            "vulnerabilityreports",
            short=["vuln", "vulns"],
            columns=report,
        ),
        define(snapshots, "v1", "VolumeSnapshot", "volumesnapshots", short=["vs"], columns=snapshot),
        define(snapshots, "v1", "VolumeSnapshotContent", "volumesnapshotcontents", cluster=True),
        define(snapshots, "v1", "VolumeSnapshotClass", "volumesnapshotclasses", cluster=True),
        define("tapio.io", "v1alpha1", "TapioConfig", "tapioconfigs"),
        define("tapio.io", "v1alpha1", "CorrelationRule", "correlationrules"),
    ]


def _roles() -> list[Object]:
    group = "rbac.authorization.k8s.io"
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    reading = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    roles = {"cluster-admin": ("system:masters", everything), "view": ("on-call", reading)}
    made: list[Object] = []
    for name, (subject, rule) in roles.items():
        head = {"apiVersion": f"{group}/v1", "metadata": {"name": name}}
        made.append({**head, "kind": "ClusterRole", "rules": [rule]})
        reference = {"apiGroup": group, "kind": "ClusterRole", "name": name}
        subjects = [{"kind": "Group", "name": subject, "apiGroup": group}]
        made.append({**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects})
    return made
