"""A cluster (the sandbox's), an S3, a pair of keys, and a shop to back up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from tests.backups.kubernetes import shop
from tests.servers import aws as aws_server
from tests.servers import cluster as cluster_server

from upkeep.backups.kubernetes.archive import Archive, read_archive
from upkeep.backups.kubernetes.export import NamespaceExport
from upkeep.backups.kubernetes.selection import EVERYTHING, Selection
from upkeep.backups.model import Copy
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api

BUCKET = "backups"


@dataclass(frozen=True)
class Keys:
    """An age key pair."""

    recipient: str
    identity: str = field(repr=False)


@dataclass(frozen=True)
class World:
    """What a test works on."""

    cluster: Any
    api: Api
    s3: Any
    s3_url: str
    keys: Keys

    def export(self, namespace: str, selection: Selection = EVERYTHING, prefix: str = "") -> NamespaceExport:
        """The export of a namespace."""
        prefix = prefix or f"{namespace}/"
        return NamespaceExport(
            self.api, namespace, self.s3, BUCKET, prefix, (self.keys.recipient,), selection
        )

    def read(self, copy: Copy) -> Archive:
        """An export opened with its key."""
        return read_archive(self.s3, copy, self.keys.identity)

    def namespace(self, prefix: str = "shop") -> str:
        """A new, empty namespace."""
        name = f"{prefix}-{uuid4().hex[:8]}"
        self.api.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name


@pytest.fixture(scope="session")
def keys() -> Keys:
    """A key pair."""
    import pyrage

    made = pyrage.x25519.Identity.generate()
    return Keys(str(made.to_public()), str(made))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[World]:
    """All of it, once."""
    with cluster_server.cluster(tmp_path_factory.mktemp("cluster")) as cluster, aws_server.aws() as aws:
        aws.bucket(BUCKET)
        with cluster.client() as client:
            yield World(cluster, Kubernetes(client, 20).api, aws["s3"], aws.url, keys)


@pytest.fixture
def empty(world: World) -> Iterator[Callable[[str], str]]:
    """Make namespaces that end with the test."""
    made: list[str] = []

    def one(prefix: str = "shop") -> str:
        made.append(world.namespace(prefix))
        return made[-1]

    yield one
    for name in made:
        if shop.get(world.api, f"/api/v1/namespaces/{name}"):
            world.api.send("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def ns(world: World, empty: Callable[[str], str]) -> str:
    """A namespace in which the shop runs."""
    name = empty("shop")
    shop.plant(world.api, name, shop.claim("data"))
    path = f"/api/v1/namespaces/{name}/persistentvolumeclaims/data"
    shop.until(lambda: world.api.get(path)["status"].get("phase") == "Bound", "the claim")
    return name
