"""A pod that mounts a claim: storage that waits for the first pod makes the volume only then."""

from __future__ import annotations

from typing import Any

from upkeep.backups.kubernetes.kinds import PODS, Object, find
from upkeep.clients.answers import child, children
from upkeep.clients.kubernetes.api import Api


def trying_pod(claim: Object, image: str) -> Object:
    """Return a pod that mounts a claim and does nothing; it has the claim's name and labels.

    It keeps to the restricted pod security standard and asks for little, so that a namespace with quotas
    takes it.
    """
    metadata, raw = claim["metadata"], claim["spec"].get("volumeMode") == "Block"
    little = {"cpu": "10m", "memory": "16Mi"}
    container: dict[str, Any] = {
        "name": "mount",
        "image": image,
        "resources": {"requests": little, "limits": little},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if raw:
        container["volumeDevices"] = [{"name": "restored", "devicePath": "/dev/restored"}]
    else:
        container["volumeMounts"] = [{"name": "restored", "mountPath": "/restored", "readOnly": True}]
    spec = {
        "automountServiceAccountToken": False,
        "restartPolicy": "Always",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "restored", "persistentVolumeClaim": {"claimName": metadata["name"]}}],
    }
    head = {key: metadata[key] for key in ("name", "namespace", "labels")}
    return {"apiVersion": PODS.api_version, "kind": PODS.kind, "metadata": head, "spec": spec}


def why_not_running(api: Api, namespace: str, name: str) -> str | None:
    """Return why a pod does not run, None if it does."""
    there = find(api, PODS.path(namespace, name))
    if there is None:
        return f"Pod/{name} is not there"
    status = child(there, "status")
    if status.get("phase") == "Running":
        return None
    said = [str(one["message"]) for one in children(status, "conditions") if one.get("message")]
    return f"Pod/{name} is {status.get('phase') or 'not seen yet'}: {'; '.join(said) or 'no reason is given'}"
