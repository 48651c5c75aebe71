"""The sandbox's Kubernetes API, planted with its five systems, and a client for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

INCLUDE = Path(__file__).parents[2] / "include"


@dataclass(frozen=True)
class Cluster:
    """A running API server. `admin` asks for what no real API has, `api` for what it has."""

    url: str
    token: str

    def admin(self, what: str, **body: Any) -> Any:
        """Make something happen in the sandbox."""
        return self.api("POST", f"/sandbox/{what}", body)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(
            method, self.url + path, json=body, headers=headers, timeout=20, trust_env=False
        )
        assert answer.is_success, answer.text
        return answer.json()

    def client(self) -> Any:
        """Return a `kubernetes.client.ApiClient`; the caller closes it."""
        return api_client(self.url, self.token)


def api_client(url: str, token: str = "none") -> Any:
    """Return a `kubernetes.client.ApiClient` for a server."""
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=url)
    configuration.api_key = {"authorization": f"Bearer {token}"}
    return ApiClient(configuration)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run the API server until the block ends."""
    state, token, log = folder / "state.json", folder / "token", folder / "kubernetes.log"
    command = [sys.executable, "-m", "sandbox.kubernetes", "--state-file", state, "--token-file", token]
    with log.open("w") as out:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.STDOUT, cwd=INCLUDE)
    try:
        until(lambda: process.poll() is not None or state.exists(), "the API server to start")
        assert process.poll() is None, log.read_text()[-2000:]
        yield Cluster(f"http://127.0.0.1:{json.loads(state.read_text())['port']}", token.read_text().strip())
    finally:
        process.terminate()
        process.wait(10)


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Return the condition's first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")
