"""A whole system backed up as parts, lost, and brought back under one plan: every part is a real one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import text
from tests.acts.runs import Stages, approve
from tests.backups.kubernetes import shop
from tests.servers.aws import REGION, Aws
from tests.servers.cluster import cluster
from tests.servers.ledger import Server

from sandbox.parts.postgres_cluster import SUPERUSER
from upkeep.acts.model import Act
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.files.place import ResticPlace
from upkeep.backups.keys import BackupKey
from upkeep.backups.model import Level
from upkeep.clients.kubernetes import Kubernetes
from upkeep.errors import PermanentError
from upkeep.findings import State
from upkeep.ledger.backups import known_backups
from upkeep.ledger.recoveries import RecoveryKey, recovery

pytestmark = pytest.mark.integration

BUCKET, NAMESPACE = "whole-backups", "whole"
S3 = {"kind": "s3_objects", "connection": "shop_aws", "bucket": BUCKET}
SOURCES: dict[str, Any] = {
    "configuration": ("kubernetes_export", {"kind": "namespace"}),
    "volumes": ("volume_snapshot", {"kind": "volumes"}),
    "database": ("dump", {"kind": "database", "name": "main"}),
    "files": ("file_incremental", {"kind": "folder", "path": "/data"}),
}
WHOLE = ("image", {"kind": "parts", "policies": list(SOURCES)})
PARTS: dict[str, Any] = {
    "workload": {"namespace": NAMESPACE},
    "resources": {"databases": {"main": {"engine": "postgres"}}},
    "recovery_targets": {"rto_minutes": 60, "rpo_minutes": 600_000},
    "backups": {
        name: {
            "title": name, "what": name, "method": method, "source": source, "encryption": "none",
            "location": S3 | {"prefix": f"{name}/"},
        }
        for name, (method, source) in (SOURCES | {"whole": WHOLE}).items()
    },
}  # fmt: skip


@dataclass
class World:
    """The shop's cluster, database, folder and bucket, as its connections lead there."""

    cloud: Aws
    api: Any
    server: DatabaseServer
    place: Path
    key: BackupKey

    def aws(self, service: str, region: str | None = None) -> Any:
        assert region is None
        return self.cloud[service]

    def kubernetes(self) -> Any:
        return self.api

    def database(self, role: str) -> DatabaseServer:
        return self.server.at("postgres") if role == "restore" else self.server

    def folder(self) -> Path:
        return self.place

    def restic(self, bucket: str, prefix: str) -> ResticPlace:
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        return ResticPlace(f"s3:{self.cloud.url}/{bucket}/{prefix}", self.place / "password", keys)

    def backup_key(self) -> BackupKey:
        return self.key

    def rows(self, database: str = "") -> int:
        """Return how many orders a database has."""
        with self.engine(database or self.server.database).connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM orders")).scalar_one())

    def engine(self, database: str) -> Any:
        server = Server(self.server.port, self.server.password)
        return server.engine(database, isolation_level="AUTOCOMMIT")

    def lose(self) -> None:
        """Lose the namespace and the orders."""
        path = f"/api/v1/namespaces/{NAMESPACE}"
        self.api.api.send("DELETE", path)
        shop.until(lambda: shop.get(self.api.api, path) is None, "its end")
        with self.engine(self.server.database).connect() as connection:
            connection.execute(text("DELETE FROM orders"))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with cluster(tmp_path_factory.mktemp("cluster")) as running, running.client() as client:
        yield Kubernetes(client, 20)


@pytest.fixture
def world(cloud: Aws, api: Kubernetes, postgres_server: Server, tmp_path: Path) -> Iterator[World]:
    if not shutil.which("restic"):
        pytest.skip("restic is not installed")
    identity = pyrage.x25519.Identity.generate()
    server = DatabaseServer(
        "postgres", "127.0.0.1", postgres_server.port, SUPERUSER, postgres_server.password, "whole_shop"
    )
    made = World(cloud, api, server, tmp_path, BackupKey(str(identity.to_public()), str(identity)))
    cloud.bucket(BUCKET)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "picture").write_text("a picture")
    (tmp_path / "password").write_text("not a secret")
    (tmp_path / "password").chmod(0o600)
    with made.engine("postgres").connect() as connection:
        connection.execute(text("CREATE DATABASE whole_shop"))
    with made.engine("whole_shop").connect() as connection:
        connection.execute(text("CREATE TABLE orders AS SELECT n FROM generate_series(1, 100) AS n"))
    api.api.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    shop.create(api.api, NAMESPACE, shop.claim("data"), shop.workload("Deployment", "web", 1))
    path = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/data"
    shop.until(lambda: api.api.get(path)["status"].get("phase") == "Bound", "the claim")
    yield made
    if shop.get(api.api, f"/api/v1/namespaces/{NAMESPACE}"):
        api.api.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        shop.until(lambda: shop.get(api.api, f"/api/v1/namespaces/{NAMESPACE}") is None, "its end")
    with made.engine("postgres").connect() as connection:
        found = connection.execute(text("SELECT datname FROM pg_database WHERE NOT datistemplate"))
        for name in [
            row.datname for row in found if "whole_shop" in row.datname or "restored" in row.datname
        ]:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def start(act: Callable[..., Act], world: World) -> Callable[..., Stages]:
    """Back the system up, and begin a recovery of it."""
    of = act(parts=PARTS, clients=world, run=("shop_backup", "scheduled__1"))
    Stages(of, "backup", {"policy": "whole"}).until("prove")

    def make(**form: Any) -> Stages:
        return Stages(
            replace(of, run=("shop_recover", "manual__1"), form=form), "restore_parts", {"policy": "whole"}
        )

    return make


def test_a_lost_system_comes_back_under_one_plan(start: Callable[..., Stages], world: World) -> None:
    run = start(in_place=True, keep=True)
    world.lose()
    run.until("plan")
    plan = run.plan
    assert list(plan.facts["parts"]) == ["configuration", "database", "files"]
    assert "configuration: PersistentVolumeClaim/data is filled from its snapshot of" in "\n".join(plan.steps)
    assert plan.destructive
    with pytest.raises(PermanentError, match="0 of 1 persons"):
        run.do("restore")
    approve(run.act, plan)
    run.do("restore")
    run.do("restore")  # as after a kill
    assert run.do("ready").ready
    verified = run.do("verify")
    assert verified.findings[0].state is State.OK, verified.said
    assert world.rows() == 0  # nothing that is unverified gets there
    run.do("resume")
    assert world.rows() == 100
    took = run.do("measure")
    assert [found.check.split("{")[0] for found in took.findings] == ["recovery_time", "recovery_loss"]
    run.do("clean_up")
    row = recovery(run.act.engine, RecoveryKey(*run.act.run, run.act.task_id))
    assert row is not None
    [known] = known_backups(run.act.engine, "shop", "whole")
    assert (known.proven, row.backup_id) == (Level.INVARIANTS, known.id)
    assert (world.place / f"restored-files-{run.act.label}").is_dir()
    claim = world.api.api.get(f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/data")
    assert claim["spec"]["dataSource"]["name"].endswith("-data")


def test_beside_it_changes_nothing_and_leaves_nothing(start: Callable[..., Stages], world: World) -> None:
    run = start(keep=False)
    run.until("plan")
    assert not run.plan.destructive
    assert "configuration: PersistentVolumeClaim/data is there and keeps its data" in run.plan.steps
    run.until("clean_up")
    assert world.rows() == 100
    assert sorted(one.name for one in world.place.iterdir()) == ["data", "password"]
    with world.engine("postgres").connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM pg_database WHERE datname ~ 'restored'"))
        assert left.scalar_one() == 0


def test_all_that_is_in_the_way_is_named_at_once(start: Callable[..., Stages], world: World) -> None:
    run = start(keep=True)
    name = f"restored_database_{run.act.label.replace('-', '_')}"
    with world.engine("postgres").connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    with world.engine(name).connect() as connection:
        connection.execute(text("CREATE TABLE taken (n int)"))
    folder = world.place / f"restored-files-{run.act.label}"
    folder.mkdir()
    (folder / "taken").write_text("something else")
    with pytest.raises(PermanentError, match=r"^nothing was touched: database: .*; files: ") as refused:
        run.do("plan")
    assert str(refused.value).count("nothing was touched") == 1
