"""Jobs that dump, with the rights that the installation guide gives, and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from kubernetes import client
from tests.backups.jobs.world import FACTS, NAME, Told, start_job, waiting_pod
from tests.conformance.cluster import Cluster, until
from tests.frame.test_installation_guide import roles
from tests.servers.aws import aws

from upkeep.backups.dumps.jobs import DumpsByJob, JobOrder
from upkeep.backups.dumps.postgres import PostgresDump
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.clients.kubernetes import Kubernetes
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.operators.jobs import JobStage

READ = roles("Kubernetes")["upkeep-read"]
JOBS = roles("Kubernetes, for backups and recoveries")["upkeep-dump-jobs"]
Granted = Callable[..., DumpsByJob]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with aws() as running:
        running.bucket("dumps")
        yield running["s3"]


@pytest.fixture
def granted(
    core: client.CoreV1Api, ns: str, real_cluster: Cluster, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Granted]:
    """Return the dumps by jobs of an account that has rules in its namespace, and nothing else."""
    made = []

    def grant(rules: list[dict[str, Any]], later: timedelta = timedelta()) -> DumpsByJob:
        token = _account(core, ns, rules)
        with real_cluster.api() as admin:
            host, authority = admin.configuration.host, admin.configuration.ssl_ca_cert
        configuration = client.Configuration(host=host)
        configuration.ssl_ca_cert = authority
        configuration.api_key = {"authorization": f"Bearer {token}"}
        monkeypatch.setenv("AIRFLOW_CONN_DEPOT_KUBERNETES", _connection(host, authority, token))
        made.append(client.ApiClient(configuration))
        order = JobOrder(
            namespace=ns, image="registry.example/does-not-exist:1", secrets=["shop"], arguments=[],
            cpu="10m", memory="64Mi", user=50000, longest_seconds=600,
        )  # fmt: skip
        server = DatabaseServer("postgres", "127.0.0.1", 9, "nobody", "", "shop")
        return DumpsByJob(
            dumps=PostgresDump(server=server, client=s3, bucket="dumps", encryption="none"),
            api=Kubernetes(made[-1]).api,
            order=order,
            start=partial(start_job, JobStage(task_id="database.make", facts=FACTS), Told()),
            now=lambda: datetime.now(UTC) + later,
        )

    yield grant
    for one in made:
        one.close()


def test_the_rights_of_the_guide_are_enough(granted: Granted, core: client.CoreV1Api, ns: str) -> None:
    core.create_namespaced_secret(ns, {"metadata": {"name": "shop"}})
    method = granted([*READ, *JOBS], timedelta(minutes=11))

    method.begin(NAME)

    until(
        lambda: waiting_pod(core.api_client.sanitize_for_serialization(core.list_namespaced_pod(ns).items)),
        "it",
    )
    with pytest.raises(PermanentError, match=r"cannot start, and was deleted: .*ImagePull") as failed:
        method.ready(NAME)
    assert "cannot be read" not in str(failed.value)
    with pytest.raises(PermanentError, match="is gone"):
        method.ready(NAME)


def test_without_them_no_job_is_made(granted: Granted) -> None:
    with pytest.raises(ConfigurationError, match=r'HTTP 403: .*cannot create resource "jobs".*give the'):
        granted(READ).begin(NAME)


def _account(core: client.CoreV1Api, ns: str, rules: list[dict[str, Any]]) -> str:
    rbac = client.RbacAuthorizationV1Api(core.api_client)
    core.create_namespaced_service_account(ns, {"metadata": {"name": "upkeep"}})
    rbac.create_namespaced_role(ns, {"metadata": {"name": "upkeep"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "upkeep", "namespace": ns}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "upkeep"}
    binding = {"metadata": {"name": "upkeep"}, "roleRef": role, "subjects": [subject]}
    rbac.create_namespaced_role_binding(ns, binding)
    asked = core.create_namespaced_service_account_token("upkeep", ns, {"spec": {"expirationSeconds": 600}})
    return str(asked.status.token)


def _connection(host: str, authority: str, token: str) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "real", "cluster": {"server": host, "certificate-authority": authority}}],
        "users": [{"name": "upkeep", "user": {"token": token}}],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "upkeep"}}],
        "current-context": "real",
    }
    return json.dumps({"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(content)}})
