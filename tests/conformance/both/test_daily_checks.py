"""The daily procedures that read Kubernetes: the same situations give the same findings.

What a kubelet would say is written through the status subresource, of pods that fit no node: nothing else
writes there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conformance.both.api import Api, answered, wait_for
from tests.conformance.both.manifests import NOWHERE, deployment, job, pod, pod_template
from tests.servers.situation import ask, make_context, make_system

from upkeep.clients.kubernetes import Kubernetes
from upkeep.findings import Finding, State


@pytest.fixture
def client(cluster: Any) -> Iterator[Kubernetes]:
    """The suite's own client."""
    with cluster.api() as raw:
        yield Kubernetes(raw)


def health(client: Kubernetes, namespace: str, **workload: Any) -> dict[str, Finding]:
    """What the daily health check finds in a namespace."""
    now = datetime.now(UTC)
    system = make_system(workload={"namespace": namespace, **workload})
    context = make_context(system, as_of=now, since=now - timedelta(days=1), kubernetes=client)
    return ask("health", context, workload=True)


def told(found: Finding) -> tuple[State, str]:
    return found.state, found.summary


def set_status(api: Api, path: str, **status: Any) -> None:
    answered(api.patch(f"{path}/status", {"status": status}, "strategic"))


def container(**status: Any) -> list[dict[str, Any]]:
    """The status of the container `app`, of what the kubelet always says and something more."""
    known = {"name": "app", "image": "app:1", "imageID": "", "ready": False, "restartCount": 0}
    return [known | status]


def test_rollouts(api: Api, client: Kubernetes, ns: str, deployments: str) -> None:
    nowhere = pod_template("stuck", nodeSelector=NOWHERE)
    api.made(deployments, deployment("good", 2))
    api.made(deployments, deployment("idle", 0))
    api.made(deployments, deployment("stuck", 2, nowhere, progressDeadlineSeconds=1))
    wait_for(lambda: answered(api.get(f"{deployments}/good"))["status"].get("readyReplicas") == 2, "the pods")
    found = health(client, ns, deployments=["good", "idle", "stuck", "gone"])
    assert {
        name: told(found[f"deployment{{name={name}}}"]) for name in ("good", "idle", "stuck", "gone")
    } == {
        "good": (State.OK, "The deployment good has 2 of 2 pods ready"),
        "idle": (State.OK, "The deployment idle is at rest (0 replicas)"),
        "stuck": (State.CRITICAL, "The deployment stuck has 0 of 2 pods ready"),
        "gone": (State.CRITICAL, "The deployment gone does not exist"),
    }
    assert told(found["pods_crashing"]) == (State.OK, "0 of 4 pods cannot start")
    assert told(found["pods_pending"]) == (State.OK, "0 of 4 pods are pending for more than 15 min")


def test_a_rollout_that_is_stuck_beside_pods_that_serve(
    api: Api, client: Kubernetes, ns: str, deployments: str
) -> None:
    api.made(deployments, deployment("web", 1, progressDeadlineSeconds=1))
    path = f"{deployments}/web"
    wait_for(lambda: answered(api.get(path))["status"].get("readyReplicas") == 1, "the pod")
    answered(api.patch(path, {"spec": {"template": {"spec": {"nodeSelector": NOWHERE}}}}))
    wait_for(
        lambda: (
            "ProgressDeadlineExceeded"
            in [c["reason"] for c in answered(api.get(path))["status"]["conditions"]]
        ),
        "the deadline",
    )
    state, summary = told(health(client, ns, deployments=["web"])["deployment{name=web}"])
    assert (state, summary) == (
        State.WARNING,
        "The deployment web has 1 of 1 pods ready, but its rollout is stuck with 1 updated",
    )


def test_sets(api: Api, client: Kubernetes, ns: str) -> None:
    apps = f"/apis/apps/v1/namespaces/{ns}"
    selector = {"matchLabels": {"app": "db"}}
    spec = {"selector": selector, "serviceName": "db", "replicas": 2, "template": pod_template("db")}
    api.made(f"{apps}/statefulsets", {"metadata": {"name": "db"}, "spec": spec})
    nobody = pod_template("agent", nodeSelector=NOWHERE)
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": nobody}
    api.made(f"{apps}/daemonsets", {"metadata": {"name": "agent"}, "spec": spec})
    wait_for(
        lambda: answered(api.get(f"{apps}/statefulsets/db"))["status"].get("readyReplicas") == 2, "the pods"
    )
    found = health(client, ns, statefulsets=["db"], daemonsets=["agent"])
    assert told(found["statefulset{name=db}"]) == (State.OK, "The statefulset db has 2 of 2 pods ready")
    assert found["daemonset{name=agent}"].state is State.OK, "no node is meant to run it"


@pytest.mark.parametrize(
    ("waiting", "state"),
    [
        ("CrashLoopBackOff", State.CRITICAL),
        ("ImagePullBackOff", State.CRITICAL),
        ("CreateContainerConfigError", State.CRITICAL),
        ("ContainerCreating", State.OK),
    ],
)
def test_a_container_that_does_not_start(
    api: Api, client: Kubernetes, ns: str, waiting: str, state: State
) -> None:
    pods = f"/api/v1/namespaces/{ns}/pods"
    for name in ("fine", "broken"):
        api.made(pods, pod(name, nodeSelector=NOWHERE))
    last = {"exitCode": 137, "reason": "OOMKilled"}
    status = container(restartCount=5, state={"waiting": {"reason": waiting}}, lastState={"terminated": last})
    set_status(api, f"{pods}/broken", phase="Running", containerStatuses=status)
    found = health(client, ns)["pods_crashing"]
    count = int(state is State.CRITICAL)
    assert told(found) == (state, f"{count} of 2 pods cannot start")
    if count:
        (example,) = found.evidence["examples"]
        (one,) = example["containers"]
        assert (example["pod"], one["name"], one["why"]) == ("broken", "app", waiting)
        assert (one["restarts"], one["last_exit"]) == (5, "OOMKilled")


def test_jobs(api: Api, client: Kubernetes, ns: str) -> None:
    jobs, pods = f"/apis/batch/v1/namespaces/{ns}/jobs", f"/api/v1/namespaces/{ns}/pods"
    stuck = {"nodeSelector": NOWHERE}
    api.made(jobs, job("good"))
    api.made(jobs, job("late", stuck, activeDeadlineSeconds=1))
    api.made(jobs, job("bad", stuck, backoffLimit=0))
    (one,) = wait_for(lambda: answered(api.get(pods, labelSelector="job-name=bad"))["items"], "its pod")
    set_status(api, f"{pods}/{one['metadata']['name']}", phase="Failed")

    def ended() -> bool:
        all_of_them = answered(api.get(jobs))["items"]
        kinds = [{c["type"] for c in one["status"].get("conditions") or ()} for one in all_of_them]
        return all(kind & {"Complete", "Failed"} for kind in kinds)

    wait_for(ended, "the end of the jobs")
    found = health(client, ns)
    state, summary = told(found["failed_jobs"])
    assert (state, summary[:14]) == (State.WARNING, "2 of 3 jobs si")
    reasons = {one["job"]: one["why"] for one in found["failed_jobs"].evidence["examples"]}
    assert set(reasons) == {"late", "bad"}
    assert "DeadlineExceeded" in reasons["late"]
    assert "BackoffLimitExceeded" in reasons["bad"]
    assert found["pods_crashing"].state is State.UNKNOWN, "its pods are the jobs', and there is no other"


def test_nothing_there_is_unknown(client: Kubernetes, ns: str) -> None:
    found = health(client, ns)
    assert {name: found[name].state for name in ("pods_crashing", "pods_pending", "failed_jobs")} == {
        "pods_crashing": State.UNKNOWN,
        "pods_pending": State.UNKNOWN,
        "failed_jobs": State.OK,
    }


def test_a_namespace_that_does_not_exist(client: Kubernetes) -> None:
    found = health(client, "nowhere-at-all", deployments=["web"])
    assert found["pods_crashing"].state is State.UNKNOWN
    assert found["deployment{name=web}"].state is State.CRITICAL
