"""How much memory a worker needs to read 10,000 pods, against 500."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.rows import Row
from sandbox import process
from sandbox.paths import CHECKOUT

FEW, MANY = 500, 10_000
NAMESPACE = "production"
READ = """
import sys
from kubernetes import client
from sandbox.memory import peak_kib
from upkeep.clients.kubernetes import Kubernetes
settings = client.Configuration(host=sys.argv[1], api_key={"authorization": "Bearer " + sys.stdin.read()})
seen = sum(1 for _ in Kubernetes(client.ApiClient(settings), timeout_seconds=60).pods("production"))
print(seen, peak_kib())
"""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the memory row; `folder` is empty and ours."""
    few, many = (_peak_kib(folder / str(count), count) for count in (FEW, MANY))
    note = f"{many / 1024:.0f} MiB for {MANY:,} pods, {few / 1024:.0f} MiB for {FEW}"
    yield Row("pods.memory", many / few, f"x reading {FEW} pods", 1.3, note)


def _peak_kib(folder: Path, count: int) -> int:
    """Return the peak resident memory, in KiB, of a fresh process that reads so many pods."""
    folder.mkdir()
    ready, token = folder / "ready.json", folder / "token"
    command = [sys.executable, "-m", "sandbox.kubernetes", "--port", "0", "--state-file", str(ready)]
    path = {"PYTHONPATH": str(CHECKOUT / "include")}
    server = process.start(folder, "kubernetes", [*command, "--token-file", str(token)], environment=path)
    try:
        process.wait_until(server, ready.exists, timeout_seconds=30)
        url, secret = json.loads(ready.read_text())["url"], token.read_text().strip()
        _make_pods(url, secret, count)
        done = subprocess.run(
            [sys.executable, "-c", READ, url], input=secret, capture_output=True, text=True, check=True,
            env=os.environ | path, timeout=120,
        )  # fmt: skip
    finally:
        process.stop(folder, server)
    seen, peak = map(int, done.stdout.split())
    if seen < count:
        raise RuntimeError(f"only {seen} of {count} pods were read")
    return peak


def _make_pods(url: str, secret: str, count: int) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"namespace": NAMESPACE, "count": count}
    made = httpx.post(f"{url}/sandbox/pods", headers=headers, json=body, timeout=60)
    made.raise_for_status()
    time.sleep(1)  # the control loops settle: their work is not what is measured
