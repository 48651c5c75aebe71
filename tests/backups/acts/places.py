"""The worlds of clusters, binary logs, volumes, configuration in Git, and of all as parts of one backup."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.backups.acts.worlds import POLICY, World, policy
from tests.backups.dumps.dumped_shop import contents, fill
from tests.backups.kubernetes import shop
from tests.backups.physical.conftest import Source
from tests.backups.physical.shop import mariadb, one
from tests.servers.cluster import Cluster
from tests.servers.moments import BINLOG, WAL, databases, logging_mariadb, recoveries, source_of_a_shop

from upkeep.backups.dumps import DatabaseServer
from upkeep.backups.dumps.marks import databases as those_of
from upkeep.clients.answers import NotFoundError
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api

_NUMBERS = count(1)
LIVE = "live"
SYSTEM = {"information_schema", "mysql", "performance_schema", "sys"}


@pytest.fixture
def archiving() -> Iterator[tuple[Source, Path]]:
    """A PostgreSQL of ours that archives its WAL, and a folder for what is recovered."""
    with source_of_a_shop() as source, recoveries() as folder:
        yield source, folder


@pytest.fixture(scope="session")
def logging_and_empty() -> Iterator[tuple[DatabaseServer, DatabaseServer]]:
    """A MariaDB with a binary log, and one for recoveries that holds nothing."""
    with logging_mariadb() as real, mariadb() as empty:
        one(empty.at(""), "DROP DATABASE shop")
        one(real, "CREATE TABLE t (id INT PRIMARY KEY)")
        yield real, empty


def wal(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    source, folder = request.getfixturevalue("archiving")
    stanza = {
        "config": str(source.stanza.config), "name": "main", "programs": str(source.stanza.programs),
        "user": source.stanza.user, "timeout_seconds": 120,
    }  # fmt: skip
    nobody = asdict(DatabaseServer("postgres", "127.0.0.1", 1, "postgres", "", "postgres"))
    parts = {**WAL, "backups": {POLICY: WAL["backups"]["wal"]}}
    world = {
        **told,
        "parts": parts,
        "stanza": stanza,
        "folder": str(folder),
        "database": {"postgres": nobody},
    }
    return World(world, s3, lambda: source.sql("SELECT sum(id) FROM t"), "", "restore_moment", "drill_moment")


def binlog(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    real, empty = request.getfixturevalue("logging_and_empty")
    for name in databases(empty) - SYSTEM:
        one(empty.at(""), f"DROP DATABASE {name}")
    one(real, "TRUNCATE TABLE t")
    one(real, "RESET MASTER")
    dumps, log = (
        {**of, "location": {**of["location"], "bucket": told["bucket"]}} for of in BINLOG["backups"].values()
    )
    parts = {**BINLOG, "backups": {"dumps": dumps, POLICY: log}}
    world = {**told, "parts": parts, "database": {"mysql": asdict(real), "restore": asdict(empty)}}
    rows = "SELECT GROUP_CONCAT(id) FROM t"
    return World(world, s3, lambda: one(real, rows), "", "restore_moment", "drill_moment")


def volumes(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    in_cluster, api, namespace = _namespace(request)
    shop.create(api, namespace, shop.claim("data"), shop.claim("more"))
    for name in ("data", "more"):
        _bound(api, namespace, name)
    source = policy(told["bucket"], {"kind": "volumes"}, "none") | {"method": "volume_snapshot"}
    parts = {"workload": {"namespace": namespace}, "backups": {POLICY: source}}

    def state() -> list[str]:
        items = api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")["items"]
        return sorted(one["metadata"]["uid"] for one in items if "restored" not in one["metadata"]["name"])

    return World({**told, "parts": parts, **in_cluster}, s3, state, "", "restore_volumes", "")


def exported(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    in_cluster, api, namespace = _namespace(request)
    shop.plant(api, namespace)
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "remote")], check=True)
    location = {"kind": "git", "repository": "shop"}
    of = policy(told["bucket"], {"kind": "namespace"}, "none") | {
        "location": location,
        "method": "git_export",
    }
    parts = {"workload": {"namespace": namespace}, "backups": {POLICY: of}}
    world = {**told, "parts": parts, "git": str(tmp_path / "remote"), **in_cluster}
    return World(world, s3, lambda: _uids(api, namespace), "", "", "")


def whole(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    """All that is not slow: a namespace with its volume, a database, a repository."""
    in_cluster, api, namespace = _namespace(request)
    login = shop.make("v1", "Secret", "login", type="Opaque", data={"PASSWORD": shop.encoded("hush")})
    shop.create(api, namespace, shop.claim("data"), login, shop.workload("Deployment", "web", 1))
    _bound(api, namespace, "data")
    server: DatabaseServer = request.getfixturevalue("postgres_shop")
    live = server.at(LIVE)
    those_of(live).drop(LIVE)
    those_of(live).create(LIVE, {})
    fill(live)
    request.addfinalizer(lambda: those_of(live).drop(LIVE))
    bundle = request.getfixturevalue("bundle_of")
    sources = {
        "configuration": ("kubernetes_export", {"kind": "namespace"}),
        "volumes": ("volume_snapshot", {"kind": "volumes"}),
        "database": ("dump", {"kind": "database", "name": "main"}),
        "repository": ("git_export", {"kind": "git"}),
    }
    sources[POLICY] = ("image", {"kind": "parts", "policies": list(sources)})
    backups = {}
    for name, (method, source) in sources.items():
        of = policy(told["bucket"], source, "none")
        backups[name] = of | {"method": method, "location": of["location"] | {"prefix": f"{name}/"}}
    parts = {
        "workload": {"namespace": namespace}, "backups": backups,
        "resources": {"databases": {"main": {"engine": "postgres"}}},
    }  # fmt: skip
    world = {**told, "parts": parts, "database": {"postgres": asdict(live), "restore": asdict(server)}}
    world |= {"git": bundle.told["git"], "folder": bundle.told["folder"], **in_cluster}
    return World(world, s3, lambda: contents(live), "", "restore_parts", "")


def _namespace(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Api, str]:
    """Make an empty namespace that ends with the test; return how it is reached."""
    cluster: Cluster = request.getfixturevalue("planted")
    client = cluster.client()
    api, name = Kubernetes(client, 20).api, f"place-{next(_NUMBERS)}"
    api.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def end() -> None:
        with suppress(NotFoundError):
            api.send("DELETE", f"/api/v1/namespaces/{name}")
        client.close()

    request.addfinalizer(end)
    return {"kubernetes": cluster.url, "token": cluster.token}, api, name


def _bound(api: Api, namespace: str, claim: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}"
    shop.until(lambda: api.get(path)["status"].get("phase") == "Bound", "the claim")


def _uids(api: Api, namespace: str) -> list[str]:
    kinds = ("api/v1/namespaces/{}/secrets", "apis/apps/v1/namespaces/{}/deployments")
    return [
        one["metadata"]["uid"] for kind in kinds for one in api.get(f"/{kind.format(namespace)}")["items"]
    ]
