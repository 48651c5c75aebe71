"""Airflow's own hook and operators on the sandbox's API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest


@pytest.fixture
def connection(server, monkeypatch):
    """An Airflow connection to the API server, in the environment."""
    extra = {"kube_config_path": str(server.kubeconfig())}
    value = json.dumps({"conn_type": "kubernetes", "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_SANDBOX", value)
    return "sandbox"


@pytest.fixture
def context():
    """What an operator reads of a run."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    instance = SimpleNamespace(
        dag_id="dag",
        task_id="task",
        run_id="run",
        try_number=1,
        map_index=-1,
        raw=False,
        xcom_push=lambda **_: None,
        xcom_pull=lambda **_: None,
        operator="operator",
    )
    run = SimpleNamespace(run_id="run", logical_date=now)
    dag = SimpleNamespace(dag_id="dag")
    return {"ti": instance, "task_instance": instance, "run_id": "run", "dag_run": run, "dag": dag, "ts": now}


def test_the_hook_reads_and_scales(connection, namespace, http, manifests):
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    hook = KubernetesHook(conn_id=connection)
    pods = hook.core_v1_client.list_namespaced_pod("tapio-system", label_selector="app=tapio-server")
    assert len(pods.items) == 3
    http.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=manifests.deployment("web"))
    hook.apps_v1_client.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    assert hook.get_deployment_status("web", namespace).spec.replicas == 1


def test_the_pod_operator_runs_a_pod_and_reads_its_log(connection, context, namespace, capsys):
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    operator = KubernetesPodOperator(
        task_id="run",
        kubernetes_conn_id=connection,
        namespace=namespace,
        image="registry.example/work:1",
        annotations={"sandbox.upkeep/log": "hello from the pod", "sandbox.upkeep/run-seconds": "1"},
        get_logs=True,
        on_finish_action="keep_pod",
        in_cluster=False,
    )
    operator.execute(context)
    assert "hello from the pod" in capsys.readouterr().out
    found = operator.hook.core_v1_client.list_namespaced_pod(namespace)
    assert [pod.status.phase for pod in found.items] == ["Succeeded"]


def test_a_failing_pod_fails_the_pod_operator(connection, context, namespace):
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.sdk.exceptions import AirflowException

    operator = KubernetesPodOperator(
        task_id="run",
        kubernetes_conn_id=connection,
        namespace=namespace,
        image="registry.example/work:1",
        annotations={"sandbox.upkeep/exit-code": "3"},
        in_cluster=False,
    )
    with pytest.raises(AirflowException):
        operator.execute(context)


def test_the_job_operator_runs_a_job(connection, context, namespace):
    from airflow.providers.cncf.kubernetes.operators.job import KubernetesJobOperator

    operator = KubernetesJobOperator(
        task_id="run",
        kubernetes_conn_id=connection,
        namespace=namespace,
        name="work",
        image="registry.example/work:1",
        wait_until_job_complete=True,
        job_poll_interval=0.2,
        backoff_limit=0,
        in_cluster=False,
    )
    operator.execute(context)
    jobs = operator.hook.batch_v1_client.list_namespaced_job(namespace)
    assert [job.status.succeeded for job in jobs.items] == [1]
