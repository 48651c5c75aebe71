"""A namespace with a secret, the depot's database beside it, and the operator that makes jobs there."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from airflow.sdk.bases.operator import ExecutorSafeguard
from tests.airflow.depot import BACKUPS, DATABASE, Depot
from tests.servers.cluster import Cluster
from tests.servers.situation import make_system

from sandbox.parts.postgres_cluster import SUPERUSER
from upkeep.backups.dumps.jobs import DumpsByJob, JobOrder
from upkeep.backups.dumps.orders import DumpOrder
from upkeep.backups.dumps.postgres import PostgresDump
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.clients.kubernetes.api import Api
from upkeep.operators.jobs import JobStage
from upkeep.operators.stages import StageFacts

IMAGE = "registry.example/upkeep:1"
SECRET = "depot-connections"
NAME = "database-20261121t020000z-1a2b3c4d"
CONNECTIONS = {"kubernetes": "depot_kubernetes", "postgres": "depot_postgres", "aws": "depot_aws"}
FACTS = StageFacts(
    routine={"system": "depot"}, procedure_id="depot/backup/database", procedure="database", kind="backup",
    stage="make", parameters={"policy": "database"}, fields={}, earlier=["plan"], fail_on=["critical"],
)  # fmt: skip


@dataclass
class Told:
    """What a task instance is told, as the operator uses it."""

    dag_id: str = "depot_backup"
    task_id: str = "database.make"
    try_number: int = 1
    map_index: int = -1
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))


@dataclass(frozen=True)
class World:
    """What a test works on."""

    cluster: Cluster
    api: Api
    depot: Depot
    namespace: str

    @property
    def order(self) -> JobOrder:
        """What is common to all jobs of a policy that dumps the depot."""
        return JobOrder(
            namespace=self.namespace,
            image=IMAGE,
            secrets=[SECRET],
            arguments=self.dump_order.arguments(cast("Any", CONNECTIONS)),
            cpu="100m",
            memory="512Mi",
            user=50000,
            longest_seconds=600,
        )

    @property
    def dump_order(self) -> DumpOrder:
        """The depot's dumps."""
        return DumpOrder("postgres", BACKUPS, "database/", "none")

    def method(self, later: timedelta = timedelta(), **changes: Any) -> DumpsByJob:
        """The dumps by jobs, as a policy has them, on a clock of its own. changes: of the order."""
        of_worker = self.depot.server
        server = DatabaseServer(
            "postgres", "127.0.0.1", of_worker.port, SUPERUSER, of_worker.password, DATABASE
        )
        return DumpsByJob(
            dumps=PostgresDump(
                server=server, client=self.depot.s3, bucket=BACKUPS, prefix="database/", encryption="none"
            ),
            api=self.api,
            order=replace(self.order, **changes),
            start=self.start,
            now=lambda: datetime.now(UTC) + later,
            poll_seconds=0.1,
        )

    @property
    def start(self) -> Callable[[JobOrder], None]:
        """What makes a job: the operator of the stage, as it does in a task."""
        return partial(start_job, JobStage(task_id="database.make", facts=FACTS), Told())

    def environment(self, folder: Path) -> dict[str, str]:
        """What a job needs: its connections, and here a folder of the test's own."""
        known = self.depot.connections().items()
        connections = {f"AIRFLOW_CONN_{name.upper()}": value for name, value in known}
        return connections | {"AIRFLOW_HOME": str(folder), "TMPDIR": str(folder)}

    def jobs(self) -> list[dict[str, Any]]:
        """The namespace's jobs."""
        found = self.cluster.api("GET", f"/apis/batch/v1/namespaces/{self.namespace}/jobs")
        return list(found["items"])

    def pods(self) -> list[dict[str, Any]]:
        """The namespace's pods."""
        return list(self.cluster.api("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"])

    def secret(self, entries: dict[str, str], method: str = "POST") -> None:
        """Make the secret that the jobs take their connections from, or put another in its place."""
        data = {name: base64.b64encode(value.encode()).decode() for name, value in entries.items()}
        body = {"metadata": {"name": SECRET}, "data": data}
        path = f"/api/v1/namespaces/{self.namespace}/secrets"
        self.cluster.api(method, path if method == "POST" else f"{path}/{SECRET}", body)


def waiting_pod(pods: list[dict[str, Any]], reason: str = "") -> dict[str, Any] | None:
    """Return the pod whose container waits, for that reason if one is given."""
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses", []):
            said = status["state"].get("waiting", {}).get("reason")
            if said and reason in said:
                return pod
    return None


def end_pod(api: Api, pod: dict[str, Any], code: int, reason: str) -> None:
    """Write a pod's end as a kubelet does."""
    ended = {"exitCode": code, "reason": reason, "finishedAt": "2026-11-21T02:00:09Z"}
    statuses = [{**one, "state": {"terminated": ended}} for one in pod["status"]["containerStatuses"]]
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
    body = {"status": {"phase": "Failed", "containerStatuses": statuses}}
    api.send("PATCH", path, body, "application/merge-patch+json")


def connection(of: Cluster) -> str:
    """Return Airflow's connection to a cluster."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": of.url}}],
        "users": [{"name": "sandbox", "user": {"token": of.token}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
        "current-context": "sandbox",
    }
    return json.dumps({"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(content)}})


def kill(name: str) -> None:
    """Kill the process that makes a dump."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    [found] = [pid for pid in pids if words(pid)[-1:] == [name]]
    os.kill(found, signal.SIGKILL)


def words(pid: int) -> list[str]:
    """Return the words of a process's command line, as anyone on its machine sees them."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:  # it has ended
        return []


def start_job(stage: JobStage, told: Told, order: JobOrder) -> None:
    """Let the stage's operator make a job, as its task does."""
    system = make_system(connections=CONNECTIONS, workload={"namespace": order.namespace})
    context = {"ti": told, "run_id": "scheduled__2026-11-21", "dag": SimpleNamespace()}
    ExecutorSafeguard.tracker.set(stage)
    stage._start(cast("Any", context), system, order)
