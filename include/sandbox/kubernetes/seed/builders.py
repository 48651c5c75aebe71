"""The objects that the seeds are made of, without what the API server fills in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.objects import Object


@dataclass(frozen=True, kw_only=True)
class App:
    """A workload of one container.

    cpu, memory: what it requests; limits are twice as much. secret, config: what its environment is
    read from. claim: the volume claim it mounts under /data.
    """

    namespace: str
    name: str
    image: str
    replicas: int = 2
    container: str = ""
    port: int = 8080
    cpu: str = "250m"
    memory: str = "256Mi"
    cpu_limit: str = "1"
    memory_limit: str = "1Gi"
    labels: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    config: str = ""
    claim: str = ""
    app: str = ""

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which its pods are known."""
        return {"app": self.app or self.name, **self.labels}

    def workload(self, kind: str, **spec: Any) -> Object:
        """Return it as a Deployment, DaemonSet or StatefulSet."""
        metadata = {"name": self.name, "namespace": self.namespace, "labels": self.selector}
        if kind != "DaemonSet":
            spec["replicas"] = self.replicas
        return {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": metadata,
            "spec": {**spec, "selector": {"matchLabels": self.selector}, "template": self.template()},
        }

    def template(self) -> Object:
        """Return the template of its pods."""
        container: Object = {
            "name": self.container or self.name,
            "image": self.image,
            "ports": [{"name": "main", "containerPort": self.port}],
            "resources": {
                "requests": {"cpu": self.cpu, "memory": self.memory},
                "limits": {"cpu": self.cpu_limit, "memory": self.memory_limit},
            },
        }
        sources = [{"secretRef": {"name": self.secret}}] if self.secret else []
        sources += [{"configMapRef": {"name": self.config}}] if self.config else []
        if sources:
            container["envFrom"] = sources
        spec: Object = {"containers": [container]}
        if self.claim:
            container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
            spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": self.claim}}]
        return {"metadata": {"labels": self.selector}, "spec": spec}


def _object(api_version: str, kind: str, namespace: str, name: str, **parts: Any) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def namespace(name: str) -> Object:
    """Return a namespace."""
    return _object("v1", "Namespace", "", name)


def service(namespace: str, name: str, selector: dict[str, str], port: int) -> Object:
    """Return a service on the pods' port `main`."""
    spec = {"selector": selector, "ports": [{"name": "main", "port": port, "targetPort": "main"}]}
    return _object("v1", "Service", namespace, name, spec=spec)


def ingress(namespace: str, name: str, hosts: dict[str, str], tls_secret: str) -> Object:
    """Return an ingress. hosts: the service behind each host name."""
    rules = []
    for host, backend in hosts.items():
        target = {"service": {"name": backend, "port": {"name": "main"}}}
        path = {"path": "/", "pathType": "Prefix", "backend": target}
        rules.append({"host": host, "http": {"paths": [path]}})
    tls = [{"hosts": list(hosts), "secretName": tls_secret}]
    spec = {"ingressClassName": "nginx", "rules": rules, "tls": tls}
    return _object("networking.k8s.io/v1", "Ingress", namespace, name, spec=spec)


def config_map(namespace: str, name: str, data: dict[str, str]) -> Object:
    """Return a config map."""
    return _object("v1", "ConfigMap", namespace, name, data=data)


def secret(namespace: str, name: str, *keys: str) -> Object:
    """Return a secret with a fresh random value for each key."""
    return _object(
        "v1", "Secret", namespace, name, stringData={key: secrets.token_urlsafe(24) for key in keys}
    )


def claim(namespace: str, name: str, size: str, app: str) -> Object:
    """Return a volume claim."""
    made = _object("v1", "PersistentVolumeClaim", namespace, name)
    made["metadata"]["labels"] = {"app": app}
    made["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return made


def autoscaler(namespace: str, target: str, least: int, most: int, windows: tuple[int, int]) -> Object:
    """Return an autoscaler of a deployment for 70 % CPU. windows: seconds to wait up and down."""
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    up, down = windows
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": metric}],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": up},
            "scaleDown": {"stabilizationWindowSeconds": down},
        },
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", namespace, target, spec=spec)


def budget(namespace: str, name: str, selector: dict[str, str], most_unavailable: int = 1) -> Object:
    """Return a disruption budget."""
    spec = {"selector": {"matchLabels": selector}, "maxUnavailable": most_unavailable}
    return _object("policy/v1", "PodDisruptionBudget", namespace, name, spec=spec)


def default_deny(namespace: str) -> Object:
    """Return the policy that lets nothing in or out."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", namespace, "default-deny", spec=spec)


def allow(namespace: str, app: str, clients: list[str], port: int) -> Object:
    """Return the policy that lets the client apps reach an app's port."""
    sources = [{"podSelector": {"matchLabels": {"app": client}}} for client in clients]
    rule = {"from": sources, "ports": [{"protocol": "TCP", "port": port}]}
    spec = {
        "podSelector": {"matchLabels": {"app": app}},
        "policyTypes": ["Ingress"],
        "ingress": [rule],
    }
    return _object("networking.k8s.io/v1", "NetworkPolicy", namespace, f"allow-to-{app}", spec=spec)


def certificate(namespace: str, name: str, *hosts: str, renew_before: str = "360h") -> Object:
    """Return a certificate of 90 days, renewed 15 days before its end."""
    spec = {
        "secretName": name,
        "dnsNames": list(hosts),
        "duration": "2160h",
        "renewBefore": renew_before,
        "issuerRef": {"name": "letsencrypt-production", "kind": "ClusterIssuer", "group": "cert-manager.io"},
    }
    return _object("cert-manager.io/v1", "Certificate", namespace, name, spec=spec)


def definition(group: str, version: str, kind: str, plural: str, **options: Any) -> Object:
    """Return a custom resource definition.

    options: cluster (not namespaced), short (names), columns (name to JSON path).
    """
    age = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    columns = [
        *({"name": n, "type": "string", "jsonPath": path} for n, path in options.get("columns", {}).items()),
        age,
    ]
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    names["shortNames"] = options.get("short", [])
    spec = {
        "group": group,
        "scope": "Cluster" if options.get("cluster") else "Namespaced",
        "names": names,
        "versions": [served],
    }
    return _object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", f"{plural}.{group}", spec=spec)


def custom(api_version: str, kind: str, namespace: str, name: str, spec: Object) -> Object:
    """Return a custom resource."""
    return _object(api_version, kind, namespace, name, spec=spec)
