"""The daily health check on 1,000 nodes and 10,000 pods: as quick as kubectl, in as little memory as ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from tests.conformance import cluster as clusters
from tests.conformance.cluster import ROOT, Cluster
from tests.conformance.control_plane import simulated
from tests.conformance.control_plane.plane import Plane, control_plane

NODES, FEW, MANY = 1_000, 500, 10_000
PAIRS = 3
TIME_RATIO = 1.5
"""How much longer than `kubectl get` of the same objects the check may take."""
MEMORY_RATIO = 1.3
"""How much more memory it may take for many pods than for few, as in `make bench`."""


@dataclass(frozen=True)
class Crowd:
    """A cluster of a thousand nodes. namespaces: those of few and of many pods, by their number."""

    cluster: Cluster
    namespaces: dict[int, str]


@pytest.fixture(scope="module")
def crowd(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """A control plane of its own, for the others would wait for the removal of so many pods."""
    with control_plane(plane.layout.programs, tmp_path_factory.mktemp("crowd")) as own:
        cluster = Cluster("real", own.kubeconfig, own.layout.programs / "kubectl")
        simulated.make_nodes(own.kubeconfig, NODES)
        namespaces = {count: clusters.make_namespace(cluster, "crowd") for count in (FEW, MANY)}
        for count, namespace in namespaces.items():
            simulated.make_pods(own.kubeconfig, namespace, count)
        yield Crowd(cluster, namespaces)


def check(crowd: Crowd, count: int) -> Any:
    """Run the check in a fresh process; return what it prints."""
    about = [crowd.cluster.kubeconfig, crowd.namespaces[count]]
    command = [sys.executable, "-m", "tests.conformance.real.reading", *about]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/include"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


def kubectl_get(crowd: Crowd, target: Path) -> None:
    """Get the same objects as JSON."""
    found = crowd.cluster
    assert found.kubectl
    for kinds in ("pods,jobs,deployments", "nodes"):
        command = [found.kubectl, "--kubeconfig", found.kubeconfig, "--namespace", crowd.namespaces[MANY]]
        with target.open("w") as out:
            subprocess.run([*command, "get", kinds, "--output=json"], stdout=out, check=True)


def test_every_object_is_seen(crowd: Crowd) -> None:
    found = check(crowd, MANY)["found"]
    assert found["pods_crashing"] == ["ok", f"0 of {MANY} pods cannot start"]
    state, summary = found["nodes_not_ready"]
    assert state == "ok"
    assert int(summary.split()[2]) >= NODES
    assert found["deployment{name=many}"][0] == "ok"


def test_it_takes_no_longer_than_kubectl(crowd: Crowd, tmp_path: Path) -> None:
    ratios = []
    for _ in range(PAIRS):
        started = time.monotonic()
        kubectl_get(crowd, tmp_path / "objects.json")
        between = time.monotonic()
        check(crowd, MANY)
        ratios.append((time.monotonic() - between) / (between - started))
    print(f"the check took {median(ratios):.2f} times as long as kubectl get")
    assert median(ratios) <= TIME_RATIO


def test_its_memory_does_not_grow(crowd: Crowd) -> None:
    few, many = (check(crowd, count)["kib"] for count in (FEW, MANY))
    print(f"{many / 1024:.0f} MiB for {MANY} pods, {few / 1024:.0f} MiB for {FEW}")
    assert many <= few * MEMORY_RATIO
