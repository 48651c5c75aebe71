"""Jobs that dump: made by Airflow's operator, accepted where only restricted pods are, their faults read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.backups.jobs.world import FACTS, NAME, Told, end_pod, start_job, waiting_pod
from tests.conformance.cluster import Cluster, until
from tests.servers.aws import aws

from upkeep.backups.dumps.jobs import DumpsByJob, JobOrder
from upkeep.backups.dumps.postgres import PostgresDump
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError
from upkeep.operators.jobs import JobStage

NEVER_ASKED = DatabaseServer("postgres", "127.0.0.1", 9, "nobody", "", "shop")
LOST = "registry.example/does-not-exist:1"


@dataclass(frozen=True)
class Jobs:
    """A namespace that takes restricted pods alone, and the dumps that jobs make in it."""

    api: Api
    namespace: str
    method: DumpsByJob

    def of(self, later: timedelta = timedelta(), **changes: Any) -> DumpsByJob:
        """The dumps, with other jobs, later."""
        order = replace(self.method.order, **changes)
        return replace(self.method, order=order, now=lambda: datetime.now(UTC) + later)

    def job(self) -> dict[str, Any]:
        """The one job that there is."""
        [found] = self.api.get(f"/apis/batch/v1/namespaces/{self.namespace}/jobs")["items"]
        return found

    def pods(self) -> list[dict[str, Any]]:
        """All pods."""
        return list(self.api.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"])

    def has(self, condition: str) -> bool:
        """Whether the job has come to an end."""
        conditions = self.job().get("status", {}).get("conditions", [])
        return (condition, "True") in {(one["type"], one["status"]) for one in conditions}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with aws() as running:
        running.bucket("dumps")
        yield running["s3"]


@pytest.fixture
def jobs(cluster: Cluster, ns: str, s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    extra = {"kube_config_path": str(cluster.kubeconfig)}
    connection = {"conn_type": "kubernetes", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_DEPOT_KUBERNETES", json.dumps(connection))
    with cluster.api() as client:
        api = Kubernetes(client).api
        label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        api.send("PATCH", f"/api/v1/namespaces/{ns}", label, "application/merge-patch+json")
        order = JobOrder(
            namespace=ns, image="registry.example/upkeep:1", secrets=["shop"], arguments=["backups", "dump"],
            cpu="10m", memory="64Mi", user=50000, longest_seconds=600,
        )  # fmt: skip
        dumps = PostgresDump(server=NEVER_ASKED, client=s3, bucket="dumps", encryption="none")
        start = partial(start_job, JobStage(task_id="database.make", facts=FACTS), Told())
        api.send(
            "POST", f"/api/v1/namespaces/{ns}/secrets", {"metadata": {"name": "shop"}, "data": {"A": "QQ=="}}
        )
        yield Jobs(api, ns, DumpsByJob(dumps=dumps, api=api, order=order, start=start))


def test_the_job_is_accepted_found_again_and_replaced_when_it_has_ended(jobs: Jobs) -> None:
    jobs.method.begin(NAME)
    first = jobs.job()["metadata"]
    assert first["name"] == f"job-{NAME}"
    until(lambda: jobs.has("Complete"), "the end of the job")
    with pytest.raises(PermanentError, match="ended well, and"):
        jobs.method.ready(NAME)

    jobs.of(image=LOST).begin(NAME)  # nobody can pull it: it stays at work

    second = jobs.job()["metadata"]
    assert (second["name"], second["uid"] != first["uid"]) == (first["name"], True)
    jobs.method.begin(NAME)
    assert jobs.job()["metadata"]["uid"] == second["uid"]
    until(lambda: len(jobs.pods()) == 1, "its pod alone")


def test_a_job_that_cannot_start_is_named_and_deleted(jobs: Jobs) -> None:
    jobs.of(image=LOST).begin(NAME)
    until(lambda: waiting_pod(jobs.pods(), "ImagePull"), "the fault")
    assert jobs.method.ready(NAME) is None

    with pytest.raises(PermanentError, match=r"cannot start, and was deleted: .*ImagePull.*correct `image`"):
        jobs.of(timedelta(minutes=11)).ready(NAME)

    assert jobs.api.get(f"/apis/batch/v1/namespaces/{jobs.namespace}/jobs")["items"] == []
    until(lambda: jobs.pods() == [], "the end of its pod")


def test_a_job_whose_pods_failed_is_named_with_their_end(jobs: Jobs) -> None:
    jobs.of(image=LOST).begin(NAME)
    for _ in range(2):
        pod = until(lambda: waiting_pod(jobs.pods(), "ImagePull"), "a pod")
        end_pod(jobs.api, pod, 137, "OOMKilled")
    until(lambda: jobs.has("Failed"), "the end of the job")

    with pytest.raises(PermanentError, match=r"BackoffLimitExceeded.*OOMKilled \(exit code 137\).*`memory`"):
        jobs.method.ready(NAME)
