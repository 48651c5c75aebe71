"""Each method's world, once for all tests; the ledger is each test's own."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import Engine
from tests.backups.acts import places
from tests.backups.acts.places import archiving, logging_and_empty
from tests.backups.acts.worlds import POLICY, World, policy
from tests.backups.dumps.dumped_shop import contents, fill
from tests.backups.kubernetes import shop
from tests.servers import databases
from tests.servers.aws import REGION, Aws, aws
from tests.servers.cluster import Cluster, cluster
from tests.servers.ledger import Server, ledger, postgres_server

from sandbox import programs
from sandbox.parts.postgres_cluster import SUPERUSER
from upkeep.backups.dumps import DatabaseServer
from upkeep.clients.kubernetes import Kubernetes

__all__ = ["archiving", "ledger", "logging_and_empty", "postgres_server"]

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Aws]:
    """AWS."""
    with aws() as found:
        yield found


@pytest.fixture(scope="session")
def key() -> tuple[str, str]:
    """A recipient and its identity."""
    made = pyrage.x25519.Identity.generate()
    return str(made.to_public()), str(made)


@pytest.fixture(scope="session")
def postgres_shop(postgres_server: Server) -> DatabaseServer:
    """A shop beside the ledger."""
    login = (postgres_server.port, SUPERUSER, postgres_server.password)
    server = DatabaseServer("postgres", "127.0.0.1", *login, "shop")
    fill(server)
    return server


@pytest.fixture(scope="session")
def mysql_shop() -> Iterator[DatabaseServer]:
    """A shop in a MariaDB."""
    with databases.mysql_with_all_rights() as server:
        fill(server)
        yield server


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the shop in the namespace `shop`."""
    with cluster(tmp_path_factory.mktemp("cluster")) as found, found.client() as client:
        api = Kubernetes(client, 20).api
        api.send("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        shop.plant(api, "shop")
        yield found


Make = Callable[[str], World]


@pytest.fixture
def make(
    request: pytest.FixtureRequest, cloud: Aws, ledger: Engine, key: tuple[str, str], tmp_path: Path
) -> Iterator[Make]:
    """Make the world of a method, one of `BACKED_UP`."""
    made: list[World] = []

    def one(method: str) -> World:
        bucket = f"{method}-{next(_NUMBERS)}"
        cloud["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        url = ledger.url.render_as_string(hide_password=False)
        told = {"ledger": url, "bucket": bucket, "aws": {"s3": cloud.url}, "key": list(key)}
        world: World = _METHODS[method](request, told, cloud["s3"], tmp_path)
        made.append(world)
        return world

    yield one
    for world in made:
        if "restore" in world.told.get("database", {}):
            _drop_what_was_restored(DatabaseServer(**world.told["database"]["restore"]))
        if "kubernetes" in world.told:
            api = world.run("backup").act.clients.kubernetes().api
            if shop.get(api, "/api/v1/namespaces/shop-restored"):
                api.send("DELETE", "/api/v1/namespaces/shop-restored")


def _drop_what_was_restored(server: DatabaseServer) -> None:
    from upkeep.backups.dumps.marks import databases as those

    for name in ("restored", "restored_before", "restored_one"):
        those(server).drop(name)


def _database(engine: str) -> Callable[..., World]:
    def world(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
        server: DatabaseServer = request.getfixturevalue(f"{engine}_shop")
        assertion = {"title": "Orders", "sql": "SELECT count(*) > 0 FROM orders", "expect": "true"}
        if engine == "mysql":
            assertion |= {"sql": "SELECT count(*) > 0 FROM orders", "expect": "1"}
        data = policy(told["bucket"], {"kind": "database", "name": "main"}, "AES256")
        parts = {
            "resources": {"databases": {"main": {"engine": engine}}},
            "backups": {POLICY: data | {"proof": {"assertions": [assertion]}}},
        }
        of = asdict(server)
        database = {engine: of, "restore": of}
        end = {"postgres": ".dump", "mysql": ".sql.zst"}[engine]
        return World(
            {**told, "parts": parts, "database": database}, s3, lambda: contents(server), end, "restore_dump",
            "drill_dump",
        )  # fmt: skip

    return world


def _files(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    programs.find("restic")
    folder, secret = tmp_path / "files", tmp_path / "restic"
    (folder / "own").mkdir(parents=True)
    (folder / "own" / "big").write_bytes(random.Random(3).randbytes(3_000_000))
    (folder / "own" / "small").write_text("small")
    secret.touch(mode=0o600)
    secret.write_text("a-password")
    parts = {"backups": {POLICY: policy(told["bucket"], {"kind": "folder", "path": "own"}, "restic")}}

    def state() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (folder / "own").iterdir()}

    world = {**told, "parts": parts, "folder": str(folder), "password_file": str(secret)}
    return World(world, s3, state, "/data/", "restore_files", "drill_files")


def _bundles(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    folder = tmp_path / "repository"

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout

    folder.mkdir()
    git("init", "--quiet", "--initial-branch", "main")
    (folder / "settings").write_bytes(random.Random(4).randbytes(600_000))
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "settings")
    bare = tmp_path / "bare.git"
    git("clone", "--quiet", "--bare", ".", str(bare))
    (tmp_path / "recovered").mkdir()
    parts = {"backups": {POLICY: policy(told["bucket"], {"kind": "git"}, "AES256")}}
    world = {**told, "parts": parts, "git": str(bare), "folder": str(tmp_path / "recovered")}
    return World(
        world, s3, lambda: git("--git-dir", str(bare), "rev-parse", "main"), ".bundle", "restore_bundle", ""
    )


@pytest.fixture
def bundle_of(make: Make) -> World:
    """A repository, and a folder for what is recovered."""
    return make("bundles")


def _namespace(request: pytest.FixtureRequest, told: dict[str, Any], s3: Any, tmp_path: Path) -> World:
    found: Cluster = request.getfixturevalue("planted")
    parts = {
        "workload": {"namespace": "shop"},
        "backups": {POLICY: policy(told["bucket"], {"kind": "namespace"}, "AES256")},
    }

    def state() -> list[str]:
        kinds = ("api/v1/namespaces/shop/secrets", "api/v1/namespaces/shop/configmaps")
        kinds += ("apis/apps/v1/namespaces/shop/deployments",)
        return [
            f"{one['metadata']['uid']} {one['metadata']['name']}"
            for kind in kinds
            for one in found.api("GET", f"/{kind}")["items"]
        ]

    world = {**told, "parts": parts, "kubernetes": found.url, "token": found.token}
    return World(world, s3, state, ".tar.zst", "restore_namespace", "drill_namespace", {"wait_seconds": 60})


_METHODS = {
    "postgres": _database("postgres"),
    "mysql": _database("mysql"),
    "files": _files,
    "bundles": _bundles,
    "namespace": _namespace,
}
METHODS = sorted(_METHODS)
"""Those whose copies are objects of a bucket alone."""
_METHODS |= {
    "binlog": places.binlog,
    "exported": places.exported,
    "volumes": places.volumes,
    "wal": places.wal,
    "whole": places.whole,
}
BACKED_UP = sorted(_METHODS)
