"""The control plane's certificates and keys, and a kubeconfig for each of its users."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

USERS = {
    "admin": ("kubernetes-admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "kwok": ("kwok-controller", None),
    "metrics-server": ("metrics-server", None),
    "aggregator": ("aggregator", None),
}
"""Each user's name and group, which are the certificate's common name and organisation."""


@dataclass(frozen=True)
class Certificates:
    """Where the files are. server: of every server. service_accounts: the key that signs their tokens."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def service_accounts(self) -> Path:
        return self.folder / "service-accounts.key"

    def certificate(self, name: str) -> Path:
        """Return the certificate of a user, or of `server`."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Return its key."""
        return self.folder / f"{name}.key"


def make(folder: Path) -> Certificates:
    """Issue everything afresh into a new folder that nobody else can read."""
    folder.mkdir(mode=0o700)
    made = Certificates(folder)
    authority = trustme.CA(organization_name="Upkeep conformance")
    authority.cert_pem.write_to_path(made.authority)
    _save(made, "server", authority.issue_cert("127.0.0.1", "localhost", "metrics-server.kube-system.svc"))
    for name, (user, group) in USERS.items():
        # Go refuses a certificate without any alternative name, so each has one that nobody looks at.
        alternative = f"{name}.users"
        _save(made, name, authority.issue_cert(alternative, common_name=user, organization_name=group))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made.service_accounts.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return made


def kubeconfig(certificates: Certificates, user: str, server: str) -> Path:
    """Write the kubeconfig of a user; it holds its certificates itself, so that it can be moved."""
    where = {"server": server, "certificate-authority-data": _encoded(certificates.authority)}
    who = {
        "client-certificate-data": _encoded(certificates.certificate(user)),
        "client-key-data": _encoded(certificates.key(user)),
    }
    path = certificates.folder / f"{user}.kubeconfig"
    path.write_text(content(where, who))
    return path


def content(cluster: dict[str, str], user: dict[str, str]) -> str:
    """Return a kubeconfig of one cluster and one user."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "current-context": "here",
        }
    )


def _save(made: Certificates, name: str, issued: trustme.LeafCert) -> None:
    made.certificate(name).write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(made.key(name))


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
