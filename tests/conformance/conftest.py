"""The clusters of this folder's tests, and namespaces of their own.

`cluster` is every cluster that there is: the sandbox's, and with `make test-conformance` a real one.
`real_cluster` is the real one alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conformance import cluster as clusters
from tests.conformance.cluster import GIVEN, ON, Cluster
from tests.conformance.control_plane import simulated
from tests.conformance.control_plane.plane import Plane, control_plane
from tests.conformance.programs.build import programs

REAL = "given" if GIVEN else "real"
# `make test` needs no Go and no Java: it holds the sandbox alone to the battery.
collect_ignore = [] if ON else ["real", "kafka"]

FIRST_NODES = 3
"""Simulated nodes that are always there: enough for pods that keep apart from each other."""

Namespace = Callable[..., str]


@pytest.fixture(scope="session")
def sandbox_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The sandbox's API server, planted with its five systems."""
    with clusters.sandbox(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Our own control plane; a test that needs it cannot run on a cluster that was given."""
    if GIVEN:
        pytest.skip("needs our own control plane: on one that was given, only our own namespaces are touched")
    with control_plane(programs(), tmp_path_factory.mktemp("control-plane")) as running:
        simulated.make_nodes(running.kubeconfig, FIRST_NODES)
        yield running


@pytest.fixture(scope="session")
def real_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A real cluster: our own control plane, or the one of UPKEEP_TEST_KUBECONFIG."""
    if GIVEN:
        yield Cluster("given", Path(GIVEN).expanduser().resolve(), clusters.installed_kubectl())
        return
    plane: Plane = request.getfixturevalue("plane")
    yield Cluster("real", plane.kubeconfig, plane.layout.programs / "kubectl")


@pytest.fixture(scope="session", params=["sandbox", *([REAL] if ON else [])])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each cluster that there is, in turn."""
    found: Cluster = request.getfixturevalue(
        "sandbox_cluster" if request.param == "sandbox" else "real_cluster"
    )
    return found


@pytest.fixture(scope="session")
def made_namespaces() -> Iterator[list[tuple[Cluster, str]]]:
    """Every namespace that was made, whose end is waited for where the cluster stays."""
    made: list[tuple[Cluster, str]] = []
    yield made
    for cluster, name in made:
        if cluster.name == "given":
            clusters.wait_for_end(cluster, [name])


@pytest.fixture
def namespace(cluster: Cluster, made_namespaces: list[tuple[Cluster, str]]) -> Iterator[Namespace]:
    """Make a namespace of the test's own on its cluster: `namespace("prefix")`."""
    yield from _namespaces(cluster, made_namespaces)


@pytest.fixture
def real_namespace(real_cluster: Cluster, made_namespaces: list[tuple[Cluster, str]]) -> Iterator[Namespace]:
    """Make a namespace of the test's own on the real cluster."""
    yield from _namespaces(real_cluster, made_namespaces)


def _namespaces(cluster: Cluster, made: list[tuple[Cluster, str]]) -> Iterator[Namespace]:
    own: list[str] = []

    def make(prefix: str = "t") -> str:
        own.append(clusters.make_namespace(cluster, prefix))
        made.append((cluster, own[-1]))
        return own[-1]

    yield make
    for name in own:
        clusters.delete_namespace(cluster, name)


@pytest.fixture
def simulated_nodes(plane: Plane) -> Iterator[Callable[[int], list[str]]]:
    """Make nodes that are ready, and remove them after the test: `simulated_nodes(1000)`."""
    made: list[str] = []

    def make(count: int) -> list[str]:
        names = simulated.make_nodes(plane.kubeconfig, count)
        made.extend(names)
        return names

    yield make
    simulated.remove_nodes(plane.kubeconfig, made)
