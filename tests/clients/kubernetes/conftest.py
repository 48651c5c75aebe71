"""A cluster: the sandbox's Kubernetes API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from upkeep.clients.kubernetes import Kubernetes


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API server, planted; `cluster.api` and `cluster.admin` change things."""
    from servers.cluster import cluster as server

    with server(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="session")
def kubernetes(cluster: Any) -> Iterator[Kubernetes]:
    """A client for it."""
    with cluster.client() as api:
        yield Kubernetes(api, timeout_seconds=20)


@pytest.fixture
def at() -> Iterator[Callable[..., Kubernetes]]:
    """A client for any address: `at(url, timeout_seconds)`."""
    from servers.cluster import api_client

    clients = []

    def make(url: str, timeout_seconds: float = 1) -> Kubernetes:
        clients.append(api_client(url, "s3cr3t-token"))
        return Kubernetes(clients[-1], timeout_seconds)

    yield make
    for client in clients:
        client.close()
