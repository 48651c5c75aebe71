"""The shape of one routine whose tasks ask what it asks, through the hooks alone: no checks, no report.

What any program of this shape costs that has a database and reads the same servers. Only for the bench.
"""

import os

import httpx
import psycopg
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.sdk import DAG, BaseHook, BaseOperator, Context

from upkeep.catalog.compiled import Catalog


def _prometheus(times: int) -> None:
    endpoint = BaseHook.get_connection("zetra_prometheus")
    with httpx.Client(base_url=f"http://{endpoint.host}:{endpoint.port}") as client:
        for _ in range(times):
            client.get("/api/v1/query", params={"query": "up"}).raise_for_status().json()


def _kubernetes(times: int) -> None:
    api = KubernetesHook(conn_id="zetra_kubernetes").core_v1_client
    for _ in range(times):
        api.list_namespaced_pod("zetra", limit=500, _preload_content=False).read()


def _s3() -> None:
    s3 = AwsBaseHook(aws_conn_id="zetra_aws", client_type="s3").get_conn()
    for prefix in ("files/", "configuration/", "database/", "full-system/"):
        found = s3.list_objects_v2(Bucket="zetra-backups", Prefix=prefix)["Contents"]
        s3.head_object(Bucket="zetra-backups", Key=found[-1]["Key"])


def _ledger(statements: int) -> None:
    known = BaseHook.get_connection("upkeep_ledger")
    login = {"host": known.host, "port": known.port, "user": known.login, "password": known.password}
    with psycopg.connect(dbname=known.schema, **login) as connection:
        for _ in range(statements):
            connection.execute("SELECT count(*) FROM findings WHERE dag_id = %s", ("",)).fetchall()


ASKS = {
    "health_dashboards": lambda: _prometheus(21),
    "security_alerts": lambda: _prometheus(4),
    "backup_status": _s3,
    "error_logs": lambda: _kubernetes(7),
    "certificates": lambda: _kubernetes(3),
}
"""How often each task of `zetra_daily_checks` asks whom."""


class AskAlone(BaseOperator):
    """A task that asks, and does nothing with the answers."""

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Ask."""
        ASKS.get(self.task_id, lambda: None)()
        _ledger(1 if self.task_id == "open_run" else 6)


plan = next(iter(Catalog().plans(dag_id=os.environ["UPKEEP_BENCH_ROUTINE"])))
with DAG("bare", schedule=None, max_active_runs=1, default_args={"pool": plan.pool, "retries": 0}):
    report = AskAlone(task_id="report").as_teardown()
    opening = AskAlone(task_id="open_run")
    for task in plan.tasks:
        opening >> AskAlone(task_id=task.task_id) >> report
