"""What every test of the battery gets: the API as JSON, and a namespace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.conformance.both.api import Api
from tests.conformance.cluster import ON

# kubectl comes with the real cluster's programs.
collect_ignore = [] if ON else ["test_kubectl.py"]


@pytest.fixture(scope="session")
def api(cluster: Any) -> Iterator[Api]:
    """The cluster's API."""
    with cluster.api() as client:
        made = Api(client.configuration)
        yield made
        made.close()


@pytest.fixture
def ns(namespace: Callable[[str], str]) -> str:
    """A namespace for the test alone."""
    return namespace("t")


@pytest.fixture
def maps(ns: str) -> str:
    """The path of its config maps."""
    return f"/api/v1/namespaces/{ns}/configmaps"


@pytest.fixture
def deployments(ns: str) -> str:
    """The path of its deployments."""
    return f"/apis/apps/v1/namespaces/{ns}/deployments"
