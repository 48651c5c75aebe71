"""Jobs and cron jobs."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


def _job(name, annotations=None, **spec):
    container = {"name": "work", "image": "registry.example/work:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    template["metadata"] = {"annotations": {"sandbox.upkeep/run-seconds": "0.2", **(annotations or {})}}
    return {"metadata": {"name": name}, "spec": {"template": template, **spec}}


@pytest.fixture
def jobs(namespace):
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def _done(http, path, kind):
    def question():
        job = http.get(path).json()
        conditions = job.get("status", {}).get("conditions", [])
        return any((c["type"], c["status"]) == (kind, "True") for c in conditions) and job

    return question


def _pods(http, namespace, job):
    query = {"labelSelector": f"job-name={job}"}
    return http.get(f"/api/v1/namespaces/{namespace}/pods", params=query).json()["items"]


def test_the_pod_is_there_as_soon_as_the_job_is(http, namespace, jobs):
    http.post(jobs, json=_job("one")).raise_for_status()
    assert len(_pods(http, namespace, "one")) == 1


def test_a_job_runs_to_its_end(http, namespace, jobs, wait_for):
    http.post(jobs, json=_job("one", {"sandbox.upkeep/log": "first\nsecond"}))
    done = wait_for(_done(http, f"{jobs}/one", "Complete"))
    assert done["status"]["succeeded"] == 1
    assert done["status"]["completionTime"] >= done["status"]["startTime"]
    (pod,) = _pods(http, namespace, "one")
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    log = http.get(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log")
    assert log.text == "first\nsecond\n"


def test_a_failing_job_is_tried_again_and_then_fails(http, namespace, jobs, wait_for):
    http.post(jobs, json=_job("bad", {"sandbox.upkeep/exit-code": "3"}, backoffLimit=1))
    failed = wait_for(_done(http, f"{jobs}/bad", "Failed"))
    assert failed["status"]["failed"] == 2
    assert failed["status"]["conditions"][-1]["reason"] == "BackoffLimitExceeded"
    codes = [
        p["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
        for p in _pods(http, namespace, "bad")
    ]
    assert codes == [3, 3]


def test_a_deadline_fails_the_job(http, jobs, wait_for):
    body = _job("slow", {"sandbox.upkeep/run-seconds": "600"}, activeDeadlineSeconds=1)
    http.post(jobs, json=body)
    failed = wait_for(_done(http, f"{jobs}/slow", "Failed"))
    assert failed["status"]["conditions"][-1]["reason"] == "DeadlineExceeded"


def test_several_pods_and_a_time_to_live(http, namespace, jobs, wait_for):
    http.post(jobs, json=_job("many", completions=3, parallelism=2, ttlSecondsAfterFinished=1))
    assert len(_pods(http, namespace, "many")) == 2
    done = wait_for(_done(http, f"{jobs}/many", "Complete"))
    assert done["status"]["succeeded"] == 3
    wait_for(lambda: http.get(f"{jobs}/many").status_code == 404)


def test_a_suspended_job_waits(http, namespace, jobs, wait_for):
    http.post(jobs, json=_job("later", suspend=True))
    assert _pods(http, namespace, "later") == []
    http.patch(f"{jobs}/later", json={"spec": {"suspend": False}}, headers=MERGE)
    wait_for(_done(http, f"{jobs}/later", "Complete"))


def test_deleting_a_job_keeps_its_pods_unless_told_otherwise(http, namespace, jobs, wait_for):
    for name in ("kept", "swept"):
        http.post(jobs, json=_job(name, {"sandbox.upkeep/run-seconds": "600"}))
    kept = http.delete(f"{jobs}/kept")
    assert "preserved by default" in kept.headers["Warning"]
    http.delete(f"{jobs}/swept", params={"propagationPolicy": "Background"})
    wait_for(lambda: not _pods(http, namespace, "swept"))
    (orphan,) = _pods(http, namespace, "kept")
    assert "ownerReferences" not in orphan["metadata"]


def test_what_the_server_refuses(http, jobs):
    always = _job("x")
    always["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    assert http.post(jobs, json=always).status_code == 422
    http.post(jobs, json=_job("one"))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}
    assert http.patch(f"{jobs}/one", json=patch, headers=MERGE).status_code == 422


def test_a_cron_job_starts_when_it_is_due(http, namespace, jobs, wait_for):
    crons = f"/apis/batch/v1/namespaces/{namespace}/cronjobs"
    job = _job("ignored")
    body = {
        "metadata": {"name": "tick"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job["spec"]}},
    }
    http.post(crons, json=body).raise_for_status()
    old = {"status": {"lastScheduleTime": "2026-01-01T00:00:00Z"}}
    http.patch(f"{crons}/tick/status", json=old, headers=MERGE)
    names = wait_for(lambda: [j["metadata"]["name"] for j in http.get(jobs).json()["items"]])
    assert names[0].startswith("tick-")
    wait_for(_done(http, f"{jobs}/{names[0]}", "Complete"))
    wait_for(lambda: "lastSuccessfulTime" in http.get(f"{crons}/tick").json()["status"])
    bad = {**body, "metadata": {"name": "bad"}, "spec": {**body["spec"], "schedule": "soon"}}
    assert http.post(crons, json=bad).status_code == 422


def test_a_container_whose_image_has_a_program_really_runs(http, namespace, jobs, wait_for):
    image = f"registry.example/{namespace}:1"
    http.post("/sandbox/programs", json={"image": image, "command": ["sh", "-c"]}).raise_for_status()
    secret = {"metadata": {"name": "words"}, "data": {"WORD": base64.b64encode(b"hello").decode()}}
    http.post(f"/api/v1/namespaces/{namespace}/secrets", json=secret).raise_for_status()
    job = _job("real", backoffLimit=0)
    [container] = job["spec"]["template"]["spec"]["containers"]
    container |= {"image": image, "envFrom": [{"secretRef": {"name": "words"}}]}
    container["args"] = ["echo $WORD; exit 7"]

    http.post(jobs, json=job).raise_for_status()

    wait_for(_done(http, f"{jobs}/real", "Failed"))
    (pod,) = _pods(http, namespace, "real")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7
    log = http.get(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log")
    assert log.text == "hello\n"


def test_a_program_is_asked_to_end_with_its_pod_and_then_made_to(http, namespace, jobs, wait_for, tmp_path):
    image = f"registry.example/{namespace}:1"
    http.post("/sandbox/programs", json={"image": image, "command": ["sh", "-c"]}).raise_for_status()
    asked, began = tmp_path / "asked", tmp_path / "began"
    job = _job("stubborn")
    job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    [container] = job["spec"]["template"]["spec"]["containers"]
    begins = f"trap 'touch {asked}' TERM; echo $$ > {began}.new; mv {began}.new {began}"
    stays = f"{begins}; while :; do sleep 0.1; done"
    container |= {"image": image, "args": [stays]}
    http.post(jobs, json=job).raise_for_status()
    wait_for(began.exists)

    http.request("DELETE", f"{jobs}/stubborn", json={"propagationPolicy": "Foreground"}).raise_for_status()

    wait_for(lambda: http.get(f"{jobs}/stubborn").status_code == 404)
    assert asked.exists()
    assert not Path(f"/proc/{began.read_text().strip()}").exists()
