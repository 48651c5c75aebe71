"""A cluster to test against: the sandbox's API server, a control plane of our own, or one that was given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import trustme
from kubernetes import client, config
from tests.conformance.control_plane.certificates import content

ROOT = Path(__file__).parents[2]
GIVEN = os.environ.get("UPKEEP_TEST_KUBECONFIG")
"""The kubeconfig of a cluster to use instead of one of our own."""
ON = bool(GIVEN) or os.environ.get("UPKEEP_CONFORMANCE") == "1"
"""Whether there is a real cluster to test against."""
WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Cluster:
    """A running cluster. name: sandbox, real or given. kubectl: the program, if there is one."""

    name: str
    kubeconfig: Path
    kubectl: Path | None

    def api(self) -> client.ApiClient:
        """Return a new client; the caller closes it."""
        return config.new_client_from_config(str(self.kubeconfig))


def installed_kubectl() -> Path | None:
    """Return the machine's own kubectl."""
    found = shutil.which("kubectl")
    return Path(found) if found else None


@contextmanager
def sandbox(folder: Path) -> Iterator[Cluster]:
    """Run the sandbox's API server until the block ends; over TLS, as kubectl sends a token only so."""
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in own.cert_chain_pems))
    state, token = folder / "state.json", folder / "token"
    options = ("--state-file", state, "--token-file", token)
    tls = ("--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.kubernetes", *map(str, options + tls)],
            cwd=ROOT / "include",
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: process.poll() is not None or state.exists(), "the sandbox's API server")
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        where = {
            "server": json.loads(state.read_text())["url"],
            "certificate-authority": str(folder / "ca.pem"),
        }
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(content(where, {"token": token.read_text().strip()}))
        yield Cluster("sandbox", kubeconfig, installed_kubectl())
    finally:
        process.terminate()
        process.wait(10)


def make_namespace(cluster: Cluster, prefix: str) -> str:
    """Make a namespace of a name that nothing else has, ready for pods."""
    name = f"{prefix}-{uuid4().hex[:10]}"
    with cluster.api() as api:
        core = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": name}})
        if cluster.name != "sandbox":
            # A real API refuses pods until the namespace's service account is there.
            until(lambda: _found(core.read_namespaced_service_account, "default", name), f"{name}'s account")
    return name


def delete_namespace(cluster: Cluster, name: str) -> None:
    """Ask for the end of a namespace, which a real cluster brings about in its own time."""
    with cluster.api() as api:
        _found(client.CoreV1Api(api).delete_namespace, name)


def wait_for_end(cluster: Cluster, names: list[str], seconds: float = 120) -> None:
    """Wait until namespaces are gone, so that a cluster of somebody's is left as it was."""
    with cluster.api() as api:
        core = client.CoreV1Api(api)
        for name in names:
            until(lambda name=name: not _found(core.read_namespace, name), f"the end of {name}", seconds)


def until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Return the condition's first true answer."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return answer


def _found(ask: Callable[..., Any], *names: str) -> Any:
    """Return the answer; None if there is no such thing."""
    try:
        return ask(*names)
    except client.ApiException as e:
        if e.status != 404:
            raise
        return None
