"""The command line of each part of the control plane."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.control_plane.certificates import Certificates, kubeconfig

from sandbox.ports import free_port

SERVICE_RANGE = "10.96.0.0/16"
QPS, BURST = 500, 1000
"""Requests per second of the controllers and the scheduler: their defaults (20 to 50) are for big machines'
manners, and 10,000 pods would take minutes."""
STEADY_SECONDS = 3600
"""How long a node may say nothing: simulated nodes are many and report seldom."""


@dataclass(frozen=True)
class Layout:
    """Where everything is. programs: the built ones. folder: the run's own state."""

    programs: Path
    folder: Path
    certificates: Certificates
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def stages(self) -> Path:
        """What the simulator does."""
        return self.folder / "kwok.yaml"

    def kubeconfig(self, user: str) -> Path:
        """Return the kubeconfig of a user, written now."""
        return kubeconfig(self.certificates, user, self.server)


PORTS = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "metrics-server",
)


def etcd(at: Layout) -> list[str]:
    """Return etcd's: with TLS, and without waiting for the disk, for nothing outlives the run."""
    client = f"https://127.0.0.1:{at.ports['etcd']}"
    peer = f"http://127.0.0.1:{at.ports['etcd-peer']}"
    return _words(
        at,
        "etcd",
        name="conformance",
        data_dir=at.folder / "etcd",
        unsafe_no_fsync="true",
        listen_client_urls=client,
        advertise_client_urls=client,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"conformance={peer}",
        cert_file=at.certificates.certificate("server"),
        key_file=at.certificates.key("server"),
        trusted_ca_file=at.certificates.authority,
        client_cert_auth="true",
        quota_backend_bytes=2 * 1024**3,
        log_level="warn",
    )


def api_server(at: Layout) -> list[str]:
    """Return the API server's: certificates, RBAC, the default admission plugins, room for 10,000 pods."""
    own = at.certificates
    return _words(
        at,
        "kube-apiserver",
        **_listen(at, "kube-apiserver"),
        etcd_servers=f"https://127.0.0.1:{at.ports['etcd']}",
        etcd_cafile=own.authority,
        etcd_certfile=own.certificate("admin"),
        etcd_keyfile=own.key("admin"),
        client_ca_file=own.authority,
        authorization_mode="Node,RBAC",
        service_account_issuer="https://kubernetes.default.svc",
        service_account_signing_key_file=own.service_accounts,
        service_account_key_file=own.service_accounts,
        service_cluster_ip_range=SERVICE_RANGE,
        # The service `kubernetes` may not point to loopback; nothing here goes through it.
        endpoint_reconciler_type="none",
        max_requests_inflight=2000,
        max_mutating_requests_inflight=1000,
        requestheader_client_ca_file=own.authority,
        requestheader_allowed_names="aggregator",
        requestheader_username_headers="X-Remote-User",
        requestheader_group_headers="X-Remote-Group",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        proxy_client_cert_file=own.certificate("aggregator"),
        proxy_client_key_file=own.key("aggregator"),
    )


def controller_manager(at: Layout) -> list[str]:
    """Return the controller manager's."""
    config = at.kubeconfig("controller-manager")
    return _words(
        at,
        "kube-controller-manager",
        **_listen(at, "kube-controller-manager"),
        **_authority(config),
        service_account_private_key_file=at.certificates.service_accounts,
        root_ca_file=at.certificates.authority,
        use_service_account_credentials="true",
        leader_elect="false",
        kube_api_qps=QPS,
        kube_api_burst=BURST,
        node_monitor_grace_period=f"{STEADY_SECONDS}s",
    )


def scheduler(at: Layout) -> list[str]:
    """Return the scheduler's, whose rates are set in a file."""
    config = at.kubeconfig("scheduler")
    settings = at.folder / "scheduler.json"
    settings.write_text(
        json.dumps(
            {
                "apiVersion": "kubescheduler.config.k8s.io/v1",
                "kind": "KubeSchedulerConfiguration",
                "leaderElection": {"leaderElect": False},
                "clientConnection": {"kubeconfig": str(config), "qps": QPS, "burst": BURST},
            }
        )
    )
    reviews = {name: value for name, value in _authority(config).items() if name != "kubeconfig"}
    return _words(at, "kube-scheduler", **_listen(at, "kube-scheduler"), **reviews, config=settings)


def kwok(at: Layout) -> list[str]:
    """Return kwok's: every node is simulated, with the stages that it brings."""
    port = at.ports["kwok"]
    return _words(
        at,
        "kwok",
        kubeconfig=at.kubeconfig("kwok"),
        config=at.stages,
        manage_all_nodes="true",
        node_lease_duration_seconds=STEADY_SECONDS,
        server_address=f"127.0.0.1:{port}",
        node_ip="127.0.0.1",
        node_port=port,
        tls_cert_file=at.certificates.certificate("server"),
        tls_private_key_file=at.certificates.key("server"),
    )


def _authority(config: Path) -> dict[str, Path]:
    """Whom to ask who a caller is and what he may do."""
    return {
        "kubeconfig": config,
        "authentication_kubeconfig": config,
        "authorization_kubeconfig": config,
    }


def _listen(at: Layout, name: str) -> dict[str, object]:
    return {
        "bind_address": "127.0.0.1",
        "secure_port": at.ports[name],
        "tls_cert_file": at.certificates.certificate("server"),
        "tls_private_key_file": at.certificates.key("server"),
    }


def _words(at: Layout, program: str, /, **options: object) -> list[str]:
    given = [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
    return [str(at.programs / program), *given]
