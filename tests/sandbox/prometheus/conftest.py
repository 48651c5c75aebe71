"""A Prometheus with its history and its exporter, started once for the tests of this folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.errors import PartMissing
from sandbox.estate import Endpoint, Estate, PartState
from sandbox.programs import find
from sandbox.prometheus import catalog, prepare, prometheus_arguments
from upkeep.catalog.models import System

SCRAPE_SECONDS = 2
"""Quicker than the sandbox's own 5 s, for there are many faults to see."""
INCLUDE = Path(__file__).parents[3] / "include"


@dataclass(frozen=True)
class Running:
    folder: Path
    url: str
    exporter_url: str
    started: float
    client: httpx.Client

    @property
    def estate(self) -> Estate:
        part = Endpoint(
            name="prometheus",
            state=PartState.UP,
            url=self.url,
            details={"state_file": str(self.folder / "state.json")},
        )
        return Estate(folder=self.folder, state=PartState.UP, parts={"prometheus": part})

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        parameters = {"query": expression} | ({"time": f"{at:.3f}"} if at else {})
        return self._get("/api/v1/query", parameters)["result"]

    def range(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        parameters = {"query": expression, "start": str(start), "end": str(end), "step": str(step)}
        return self._get("/api/v1/query_range", parameters)["result"]

    def values(self, expression: str, at: float | None = None) -> list[float]:
        return [float(series["value"][1]) for series in self.query(expression, at)]

    def get(self, path: str) -> dict[str, Any]:
        return self._get(path, {})

    def _get(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        answer = self.client.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()["data"]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(condition: Any, seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def needs(*programs: str) -> None:
    for program in programs:
        try:
            find(program)
        except PartMissing as absent:
            pytest.skip(str(absent))


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def systems() -> dict[str, System]:
    return catalog.systems()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    needs("prometheus", "promtool")
    folder = tmp_path_factory.mktemp("prometheus")
    ready = folder / "exporter.ready"
    options = ["--state-file", str(folder / "state.json"), "--ready", str(ready)]
    command = [sys.executable, "-m", "sandbox.prometheus.exporter", *options]
    environment = {**os.environ, "PYTHONPATH": str(INCLUDE)}
    with subprocess.Popen(command, env=environment) as exporter:
        try:
            wait_for(ready.exists, 20, "the exporter's start")
            exporter_url = f"http://127.0.0.1:{json.loads(ready.read_text())['port']}"
            prepare(folder, None, exporter_url, scrape_seconds=SCRAPE_SECONDS)
            started, port = time.time(), free_port()
            with subprocess.Popen(prometheus_arguments(folder, port), cwd=folder) as prometheus:
                try:
                    url = f"http://127.0.0.1:{port}"
                    wait_for(lambda: is_ready(url), 30, "Prometheus' start")
                    with httpx.Client(base_url=url, timeout=30) as client:
                        one = Running(folder, url, exporter_url, started, client)
                        # Everything has been scraped at least twice.
                        seen = 'min(count_over_time(up{job="estate"}[1m])) >= 2'
                        wait_for(lambda: one.query(seen), 30, "the first scrapes")
                        yield one
                finally:
                    prometheus.terminate()
        finally:
            exporter.terminate()
