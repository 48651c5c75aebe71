"""The Kubernetes API with the five systems' namespaces."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sandbox import process
from sandbox.certificates import file_of
from sandbox.credentials import write_private
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint, import_path
from sandbox.ports import LOOPBACK, choose_port

NAMESPACES = {
    "quikapp": "quikapp-live",
    "maintenance-api": "maintenance-api",
    "zetra": "production",
    "lessay": "lessay",
    "tapio": "tapio-system",
}
CERTIFICATE = "kubernetes.sandbox"


def start(context: Context) -> list[Endpoint]:
    """Start the API server over https (kubectl sends a token over nothing else)."""
    folder = context.folder
    state, token = folder / "run" / "kubernetes.ready", folder / "credentials" / "kubernetes.token"
    state.parent.mkdir(mode=0o700, exist_ok=True)
    token.parent.mkdir(mode=0o700, exist_ok=True)
    state.unlink(missing_ok=True)
    certificate = file_of(folder, CERTIFICATE)
    command: list[str | Path] = [
        sys.executable, "-m", "sandbox.kubernetes", "--port", str(choose_port(folder, "kubernetes")),
        "--state-file", state, "--token-file", token, "--tls-cert", certificate, "--tls-key", certificate,
    ]  # fmt: skip
    child = process.start(folder, "kubernetes", command, environment=import_path())
    process.wait_until(child, state.exists, timeout_seconds=30)
    port = int(json.loads(state.read_text())["port"])
    authority = folder / "tls" / "ca.pem"
    configuration = folder / "kubeconfig.yaml"
    write_private(configuration, _kubeconfig(port, authority, token.read_text().strip()))
    details = {
        "kubeconfig": str(configuration), "token_file": str(token), "ca_file": str(authority),
        "namespaces": NAMESPACES,
    }  # fmt: skip
    return [endpoint("kubernetes", child, port, url=f"https://{LOOPBACK}:{port}", details=details)]


def _kubeconfig(port: int, authority: Path, token: str) -> str:
    """Return the kubeconfig, with a context for each system (as JSON, which is YAML too)."""
    cluster = {"server": f"https://{LOOPBACK}:{port}", "certificate-authority": str(authority)}
    contexts = [
        {"name": system, "context": {"cluster": "sandbox", "user": "sandbox", "namespace": namespace}}
        for system, namespace in NAMESPACES.items()
    ]
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": "sandbox", "user": {"token": token}}],
        "contexts": contexts,
        "current-context": "quikapp",
    }
    return json.dumps(content, indent=1) + "\n"


PART = Part(names=("kubernetes",), costs="findings about pods, jobs, logs and scans are unknown", start=start)
