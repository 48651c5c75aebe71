"""Jobs that complete and jobs that fail."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.both.api import Api, answered, gone, refused, wait_for
from tests.conformance.both.manifests import NOWHERE, job

STUCK = {"nodeSelector": NOWHERE}


@pytest.fixture
def jobs(ns: str) -> str:
    return f"/apis/batch/v1/namespaces/{ns}/jobs"


@pytest.fixture
def pods(ns: str) -> str:
    return f"/api/v1/namespaces/{ns}/pods"


def conditions(api: Api, path: str) -> dict[str, dict[str, Any]]:
    """A job's true conditions by type."""
    status = answered(api.get(path))["status"]
    return {c["type"]: c for c in status.get("conditions", []) if c["status"] == "True"}


def ended(api: Api, path: str, kind: str) -> dict[str, Any]:
    """Wait until the job is Complete or Failed; return its status."""
    wait_for(lambda: kind in conditions(api, path), f"{path} {kind}")
    found: dict[str, Any] = answered(api.get(path))["status"]
    return found


def pods_of(api: Api, pods: str, name: str, count: int) -> list[dict[str, Any]]:
    """Wait for a job's pods; return them."""

    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = answered(api.get(pods, labelSelector=f"job-name={name}"))["items"]
        return len(found) == count

    wait_for(there, f"{count} pods of {name}")
    return found


def test_a_job_completes(api: Api, jobs: str, pods: str) -> None:
    made = api.made(jobs, job("good", completions=2, parallelism=2))
    status = ended(api, f"{jobs}/good", "Complete")
    assert status["succeeded"] == 2
    assert not status.get("active")
    assert not status.get("failed")
    assert status["startTime"] <= status["completionTime"]
    assert "Failed" not in conditions(api, f"{jobs}/good")
    found = pods_of(api, pods, "good", 2)
    assert {p["status"]["phase"] for p in found} == {"Succeeded"}
    assert {p["metadata"]["labels"]["batch.kubernetes.io/job-name"] for p in found} == {"good"}
    assert {p["metadata"]["labels"]["controller-uid"] for p in found} == {made["metadata"]["uid"]}
    (owner,) = found[0]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Job", "good", True)


def test_a_job_fails_when_it_has_been_tried_often_enough(api: Api, jobs: str, pods: str) -> None:
    api.made(jobs, job("bad", STUCK, backoffLimit=0))
    (pod,) = pods_of(api, pods, "bad", 1)
    path = f"{pods}/{pod['metadata']['name']}/status"
    answered(api.patch(path, {"status": {"phase": "Failed"}}))
    status = ended(api, f"{jobs}/bad", "Failed")
    assert status["failed"] == 1
    assert "completionTime" not in status
    assert not status.get("active")
    failure = conditions(api, f"{jobs}/bad")["Failed"]
    assert failure["reason"] == "BackoffLimitExceeded"
    assert failure["message"] == "Job has reached the specified backoff limit"


def test_a_failed_pod_is_tried_again(api: Api, jobs: str, pods: str) -> None:
    api.made(jobs, job("again", STUCK, backoffLimit=3))
    (pod,) = pods_of(api, pods, "again", 1)
    answered(api.patch(f"{pods}/{pod['metadata']['name']}/status", {"status": {"phase": "Failed"}}))
    wait_for(lambda: answered(api.get(f"{jobs}/again"))["status"].get("failed") == 1, "the failure")
    assert "Failed" not in conditions(api, f"{jobs}/again")
    pods_of(api, pods, "again", 2)


def test_a_job_past_its_deadline_fails_and_its_pods_end(api: Api, jobs: str, pods: str) -> None:
    api.made(jobs, job("late", STUCK, activeDeadlineSeconds=1))
    pods_of(api, pods, "late", 1)
    ended(api, f"{jobs}/late", "Failed")
    failure = conditions(api, f"{jobs}/late")["Failed"]
    assert failure["reason"] == "DeadlineExceeded"
    assert failure["message"] == "Job was active longer than specified deadline"
    pods_of(api, pods, "late", 0)


def test_a_suspended_job_waits(api: Api, jobs: str, pods: str) -> None:
    api.made(jobs, job("later", suspend=True))
    wait_for(lambda: "Suspended" in conditions(api, f"{jobs}/later"), "the suspension")
    assert pods_of(api, pods, "later", 0) == []
    assert "startTime" not in answered(api.get(f"{jobs}/later"))["status"]
    answered(api.patch(f"{jobs}/later", {"spec": {"suspend": False}}))
    assert ended(api, f"{jobs}/later", "Complete")["succeeded"] == 1
    assert "Suspended" not in conditions(api, f"{jobs}/later")


def test_a_finished_job_lives_as_long_as_it_says(api: Api, jobs: str, pods: str) -> None:
    api.made(jobs, job("brief", ttlSecondsAfterFinished=0))
    gone(api, f"{jobs}/brief")
    pods_of(api, pods, "brief", 0)


def test_what_a_job_may_not_change(api: Api, jobs: str) -> None:
    api.made(jobs, job("fixed", suspend=True))
    template = {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}
    assert refused(api.patch(f"{jobs}/fixed", template)) == (422, "Invalid")
    assert refused(api.patch(f"{jobs}/fixed", {"spec": {"completions": 5}})) == (422, "Invalid")
    answered(api.patch(f"{jobs}/fixed", {"spec": {"parallelism": 3, "activeDeadlineSeconds": 60}}))


def test_a_job_s_pods_stay_unless_it_is_said(api: Api, jobs: str, pods: str) -> None:
    api.made(jobs, job("kept"))
    ended(api, f"{jobs}/kept", "Complete")
    answer = api.delete(f"{jobs}/kept")
    assert "child pods are preserved by default" in answer.headers["Warning"]
    gone(api, f"{jobs}/kept")
    (pod,) = pods_of(api, pods, "kept", 1)
    assert "ownerReferences" not in pod["metadata"]


def test_a_cron_job_makes_a_job_when_asked(api: Api, ns: str, jobs: str) -> None:
    path = f"/apis/batch/v1/namespaces/{ns}/cronjobs"
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job("x")["spec"]}}
    cron = api.made(path, {"metadata": {"name": "nightly"}, "spec": spec})
    assert (cron["spec"]["concurrencyPolicy"], cron["spec"]["suspend"]) == ("Allow", False)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": cron["metadata"]["uid"]}
    by_hand = job("by-hand")
    by_hand["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    api.made(jobs, by_hand)
    ended(api, f"{jobs}/by-hand", "Complete")
    assert refused(api.patch(f"{path}/nightly", {"spec": {"schedule": "at noon"}})) == (422, "Invalid")
    answered(api.delete(f"{path}/nightly"))
    gone(api, f"{jobs}/by-hand")
