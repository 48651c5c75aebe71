"""The API server as its own process, and the clients that talk to it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import trustme
import yaml
from kubernetes import client

START_SECONDS = 15.0
WAIT_SECONDS = 15.0


@dataclass(frozen=True)
class Server:
    """A running API server."""

    url: str
    token: str
    ca_file: Path
    folder: Path

    def configuration(self) -> client.Configuration:
        made = client.Configuration()
        made.host = self.url
        made.ssl_ca_cert = str(self.ca_file)
        made.api_key = {"authorization": f"Bearer {self.token}"}
        return made

    def kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "admin"}}],
            "current-context": "sandbox",
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def http(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        context = ssl.create_default_context(cafile=self.ca_file)
        return httpx.Client(base_url=self.url, headers=headers, verify=context, timeout=30)


def start_server(folder: Path) -> tuple[Server, subprocess.Popen[bytes]]:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in own.cert_chain_pems))
    state, token = folder / "state.json", folder / "token"
    options = ("--port", "0", "--state-file", state, "--token-file", token)
    tls = ("--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem")
    process = subprocess.Popen([sys.executable, "-m", "sandbox.kubernetes", *options, *tls])
    deadline = time.monotonic() + START_SECONDS
    while not state.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the API server did not start in time (exit status {process.wait()})")
        time.sleep(0.02)
    url = json.loads(state.read_text())["url"]
    return Server(url, token.read_text(), folder / "ca.pem", folder), process


def stop_server(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that stay in a namespace of their own or only read."""
    running, process = start_server(tmp_path_factory.mktemp("kubernetes"))
    yield running
    stop_server(process)


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, which it may change as it likes."""
    running, process = start_server(tmp_path)
    yield running
    stop_server(process)


@pytest.fixture
def api(server: Server) -> Iterator[client.ApiClient]:
    """The Python client on the shared server."""
    with client.ApiClient(server.configuration()) as made:
        yield made


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    """Plain HTTP with the token, on the shared server."""
    with server.http() as made:
        yield made


@pytest.fixture
def namespace(http: httpx.Client) -> str:
    """A namespace of the test's own."""
    name = f"test-{uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    http.post("/api/v1/namespaces", json=body).raise_for_status()
    return name


@pytest.fixture
def kubectl(server: Server, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """kubectl on the shared server; it is given the arguments and, as `stdin`, a manifest."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    config = server.kubeconfig()

    def run(*arguments: str, stdin: Any = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, "--kubeconfig", config, *arguments],
            input=json.dumps(stdin) if stdin is not None else None,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Wait until a question is answered with something true; return the answer."""

    def wait(question: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, f"not in {seconds} s: {question.__name__}"
            time.sleep(0.05)
        return answer

    return wait


def deployment(name: str, image: str = "registry.example/app:1", **spec: Any) -> dict[str, Any]:
    """A deployment's manifest."""
    labels = {"app": name}
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def config_map(name: str, **labels: str) -> dict[str, Any]:
    """A config map's manifest."""
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}}


@pytest.fixture
def manifests() -> Any:
    """The manifest builders (a test module cannot import its conftest)."""

    class Manifests:
        deployment = staticmethod(deployment)
        config_map = staticmethod(config_map)

    return Manifests


@pytest.fixture
def start_another() -> Callable[[Path], tuple[Server, subprocess.Popen[bytes]]]:
    """Start a server in a folder."""
    return start_server
