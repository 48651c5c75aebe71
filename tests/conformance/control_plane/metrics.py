"""The metrics server, which reads from the simulator what each pod is said to use."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, config
from tests.conformance.cluster import until
from tests.conformance.control_plane.plane import Plane, part
from tests.conformance.control_plane.roles import READ, bind

USAGE_CPU, USAGE_MEMORY = "kwok.x-k8s.io/usage-cpu", "kwok.x-k8s.io/usage-memory"
"""A pod's annotations: what its containers use, as quantities."""

NAME = "metrics-server"
GROUP, VERSION = "metrics.k8s.io", "v1beta1"
START_SECONDS = 90.0
"""It answers once it has looked twice at a node, ten seconds apart at best."""

RULES: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": READ},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": READ},
    {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
    {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
]


@contextmanager
def metrics_server(plane: Plane) -> Iterator[None]:
    """Run the metrics server behind the API until the block ends."""
    with config.new_client_from_config(str(plane.kubeconfig)) as api:
        bind(api, NAME, RULES)
        with part(plane.layout, NAME, _command(plane), "/livez"), _registered(api, plane):
            yield


@contextmanager
def _registered(api: client.ApiClient, plane: Plane) -> Iterator[None]:
    """Let the API server pass on what is asked of the metrics API, until the block ends."""
    core, registrations = client.CoreV1Api(api), client.ApiregistrationV1Api(api)
    name, port = f"{VERSION}.{GROUP}", plane.layout.ports[NAME]
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    core.create_namespaced_service("kube-system", {"metadata": {"name": NAME}, "spec": spec})
    service = {
        "group": GROUP,
        "version": VERSION,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "caBundle": base64.b64encode(plane.layout.certificates.authority.read_bytes()).decode(),
        "service": {"name": NAME, "namespace": "kube-system", "port": port},
    }
    registrations.create_api_service({"metadata": {"name": name}, "spec": service})

    def available() -> bool:
        conditions = registrations.read_api_service_status(name).status.conditions or []
        return any((one.type, one.status) == ("Available", "True") for one in conditions)

    try:
        until(available, "the metrics API", START_SECONDS)
        yield
    finally:
        registrations.delete_api_service(name)
        core.delete_namespaced_service(NAME, "kube-system")


def _command(plane: Plane) -> list[str]:
    at = plane.layout
    user = at.kubeconfig(NAME)
    return [
        str(at.programs / NAME),
        f"--kubeconfig={user}",
        f"--authentication-kubeconfig={user}",
        f"--authorization-kubeconfig={user}",
        "--bind-address=127.0.0.1",
        f"--secure-port={at.ports[NAME]}",
        f"--tls-cert-file={at.certificates.certificate('server')}",
        f"--tls-private-key-file={at.certificates.key('server')}",
        f"--kubelet-certificate-authority={at.certificates.authority}",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-use-node-status-port",
        "--kubelet-request-timeout=5s",
        "--metric-resolution=10s",
    ]
