"""What every test of the real cluster gets: a client, and a namespace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from kubernetes import client
from tests.conformance.cluster import Cluster


@pytest.fixture
def api(real_cluster: Cluster) -> Iterator[client.ApiClient]:
    """A client with all rights."""
    with real_cluster.api() as made:
        yield made


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    """The core group."""
    return client.CoreV1Api(api)


@pytest.fixture
def ns(real_namespace: Callable[..., str]) -> str:
    """A namespace for the test alone."""
    return real_namespace()
