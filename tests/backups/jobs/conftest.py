"""The sandbox's cluster, whose pods really run our program; a PostgreSQL, and moto's S3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from tenacity import wait_none
from tests.airflow.depot import BACKUPS, Depot, depot
from tests.backups.jobs.world import IMAGE, World, connection
from tests.servers.cluster import Cluster, cluster
from tests.servers.ledger import postgres_server

from upkeep.clients.kubernetes.api import Api

__all__ = ["depot", "postgres_server"]


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        found.admin("programs", image=IMAGE, command=[str(Path(sys.executable).with_name("upkeep"))])
        yield found


@pytest.fixture
def world(
    kubernetes: Cluster, depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """An empty bucket, and a namespace with nothing but the secret."""
    # The provider's hook waits long between its tries, also after a conflict.
    monkeypatch.setattr(KubernetesHook.create_job.retry, "wait", wait_none())
    depot.cloud.bucket(BACKUPS)
    monkeypatch.setenv("AIRFLOW_CONN_DEPOT_KUBERNETES", connection(kubernetes))
    namespace = f"depot-{uuid4().hex[:8]}"
    with kubernetes.client() as client:
        found = World(kubernetes, Api(client), depot, namespace)
        kubernetes.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        found.secret(found.environment(tmp_path))
        yield found
    kubernetes.api("DELETE", f"/api/v1/namespaces/{namespace}")
