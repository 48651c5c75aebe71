from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import httpx
import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from sandbox.connections import airflow_connections, platform_url
from sandbox.estate import Endpoint, Estate, PartState
from sandbox.parts.postgres_cluster import connection

pytestmark = pytest.mark.integration

EXPECTED = {
    "upkeep_ledger", "upkeep_slack", "upkeep_pagerduty", "upkeep_smtp", "upkeep_webhook",
    *(
        f"{system}_{role}"
        for system in ("quikapp", "maintenance_api", "zetra", "lessay", "tapio")
        for role in ("prometheus", "alertmanager", "kubernetes", "aws", "http", "backup_key")
    ),
    "quikapp_mysql", "quikapp_redis", "quikapp_kafka", "maintenance_api_mysql",
    "zetra_postgres", "zetra_redis", "lessay_postgres", "tapio_postgres",
    "maintenance_api_restore", "zetra_restore", "lessay_restore", "tapio_restore",
    "zetra_files", "lessay_files", "tapio_files", "lessay_git",
}  # fmt: skip


@pytest.fixture
def connections(estate: Estate) -> dict[str, dict[str, Any]]:
    return {name: json.loads(text) for name, text in airflow_connections(estate).items()}


def test_every_system_has_its_connections(estate: Estate, connections: dict[str, dict[str, Any]]) -> None:
    missing = {name for name, part in estate.parts.items() if part.state is not PartState.UP}
    absent = EXPECTED - connections.keys()
    assert connections.keys() <= EXPECTED
    assert bool(absent) == bool(missing)


def test_database_connections_connect(connections: dict[str, dict[str, Any]]) -> None:
    for name in ("upkeep_ledger", "zetra_postgres", "lessay_postgres", "tapio_postgres"):
        one = connections[name]
        assert one["conn_type"] == "postgres"
        with connection(one["port"], one["login"], one["password"], one["schema"]):
            pass
    redis = connections["zetra_redis"]
    with Redis(
        host=redis["host"], port=redis["port"], password=redis["password"], db=redis["extra"]["db"]
    ) as client:
        assert client.ping()


def test_http_connections_lead_to_the_system(connections: dict[str, dict[str, Any]]) -> None:
    one = connections["quikapp_http"]
    base = f"{one['schema']}://{one['host']}:{one['port']}"
    assert httpx.get(f"{base}/actuator/health").json()["status"] == "UP"
    assert httpx.get(one["extra"]["health_urls"]["identity_provider"]).status_code == 200
    assert one["extra"]["tls_endpoints"]["auth.quikapp.com"].startswith("127.0.0.1:")


def test_the_aws_connection_reaches_the_account(connections: dict[str, dict[str, Any]]) -> None:
    one = connections["tapio_aws"]
    client = boto3.client(
        "s3", **one["extra"], aws_access_key_id=one["login"], aws_secret_access_key=one["password"]
    )
    assert client.list_objects_v2(Bucket="tapio-backups", Prefix="data-")["KeyCount"] > 24


def test_the_kubernetes_connection_uses_a_file_of_ours_alone(connections: dict[str, dict[str, Any]]) -> None:
    from pathlib import Path

    extra = connections["zetra_kubernetes"]["extra"]
    file = Path(extra["kube_config_path"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert extra["cluster_context"] in {one["name"] for one in json.loads(file.read_text())["contexts"]}
    assert extra["namespace"] == "production"


def test_airflows_database_has_a_url(estate: Estate, part: Callable[[str], Endpoint]) -> None:
    part("platform")
    engine = create_engine(platform_url(estate, "airflow"))
    with engine.connect() as database:
        assert database.execute(text("SELECT current_database()")).scalar() == "airflow"
    engine.dispose()


def test_a_part_without_a_port_has_no_connection_and_a_dead_one_keeps_it(estate: Estate) -> None:
    parts = {
        **estate.parts,
        "redis": Endpoint(name="redis", state=PartState.MISSING),
        "kafka": replace(estate.parts["kafka"], state=PartState.FAILED),
    }
    found = airflow_connections(replace(estate, parts=parts))
    assert "quikapp_redis" not in found
    assert "quikapp_kafka" in found
