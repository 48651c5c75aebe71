"""What the simulator may do: a role like the one that it is installed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubernetes import client, config

READ = ["get", "list", "watch"]
CHANGE = ["create", "delete", "patch", "update"]

KWOK: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["nodes"], "verbs": READ},
    {"apiGroups": [""], "resources": ["nodes/status", "pods/status"], "verbs": ["patch", "update"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": [*READ, "delete", "patch", "update"]},
    {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": [*READ, *CHANGE]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": [*READ, *CHANGE]},
]


def make(kubeconfig: Path) -> None:
    """Give the simulator its rights."""
    with config.new_client_from_config(str(kubeconfig)) as api:
        bind(api, "kwok-controller", KWOK)


def bind(api: client.ApiClient, user: str, rules: list[dict[str, Any]]) -> None:
    """Let a user do what the rules say, everywhere: a cluster role of its name, and the binding."""
    rbac = client.RbacAuthorizationV1Api(api)
    rbac.create_cluster_role({"metadata": {"name": user}, "rules": rules})
    group = "rbac.authorization.k8s.io"
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
    )
