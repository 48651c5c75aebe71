"""Dumps by jobs: each is made once, whatever is killed and repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.backups.jobs.world import NAME, World, kill
from tests.servers.cluster import until

from upkeep.backups.dumps.jobs import LONGEST_NAME, job_name
from upkeep.backups.kubernetes.cleaning import left_out
from upkeep.backups.kubernetes.kinds import Kind
from upkeep.backups.model import Awaited, Level
from upkeep.errors import PermanentError, TemporaryError

MADE = [f"database/{NAME}.dump", f"database/{NAME}.dump.manifest.json"]


def test_a_job_makes_the_dump(world: World) -> None:
    method = world.method()
    assert isinstance(method, Awaited)

    copy = method.make(NAME)

    assert method.find(NAME) == copy
    assert world.depot.backups() == MADE
    assert [proof.level for proof in method.check(copy) if proof.holds] == [Level.COMPLETE, Level.CHECKSUMS]
    assert copy.facts["rows"] == {"public.parcels": 40}
    method.begin(NAME)
    assert len(world.jobs()) == 1


def test_the_pod_may_do_no_more_than_it_must_and_shows_no_secret(world: World) -> None:
    world.method(service_account="dumper").begin(NAME)

    [job] = world.jobs()
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 50000)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("dumper", False)
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "512Mi"},
        "limits": {"memory": "512Mi"},
    }
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], pod["restartPolicy"]) == (1, 600, "Never")
    assert spec["ttlSecondsAfterFinished"] == 24 * 3600
    assert world.depot.server.password not in str(job)
    assert world.depot.server.password not in str(world.pods())
    assert left_out(Kind("batch", "jobs", "v1", "Job", True), job) == "one backup's job"


def test_a_job_at_work_is_found_again(world: World) -> None:
    method = world.method()
    with world.depot.slow_upload() as slow:
        method.begin(NAME)
        assert slow.reached.wait(60)
        before = [job["metadata"]["uid"] for job in world.jobs()]

        method.begin(NAME)
        world.start(method.order.of(NAME))  # another attempt was a moment faster

        assert method.ready(NAME) is None
        assert [job["metadata"]["uid"] for job in world.jobs()] == before
        assert len(world.pods()) == 1
    until(lambda: method.ready(NAME), "the copy", seconds=90)
    assert world.depot.backups() == MADE


def test_a_dump_that_is_killed_is_made_by_the_next_pod(world: World) -> None:
    method = world.method()
    with world.depot.slow_upload() as slow:
        method.begin(NAME)
        assert slow.reached.wait(60)
        assert world.depot.uploads() == 1
        kill(NAME)
        until(lambda: len(world.pods()) == 2, "the next pod", seconds=90)

    copy = until(lambda: method.ready(NAME), "the copy", seconds=90)

    assert all(proof.holds for proof in method.check(copy))
    assert (world.depot.backups(), world.depot.uploads(), len(world.jobs())) == (MADE, 0, 1)


def test_a_job_that_failed_is_made_anew(world: World, tmp_path: Path) -> None:
    method = world.method()
    right = world.environment(tmp_path)
    wrong = right["AIRFLOW_CONN_DEPOT_POSTGRES"].replace(world.depot.server.password, "not the password")
    world.secret(right | {"AIRFLOW_CONN_DEPOT_POSTGRES": wrong}, "PUT")
    with pytest.raises(PermanentError, match="failed") as failed:
        method.make(NAME)
    said = str(failed.value)
    assert "BackoffLimitExceeded: Job has reached the specified backoff limit" in said
    assert "ended with Error (exit code 1)" in said
    assert "\nupkeep: " in said.partition("the last lines of its log:")[2]
    assert "password authentication failed" in said
    assert "not the password" not in said
    assert (len(world.pods()), world.depot.backups()) == (2, [])
    [before] = world.jobs()

    world.secret(right, "PUT")
    method.make(NAME)

    assert (len(world.pods()), world.depot.backups()) == (1, MADE)
    [after] = world.jobs()
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_a_job_that_does_not_go_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upkeep.backups.dumps.jobs.DELETE_SECONDS", 0.5)
    world.cluster.admin("programs", image="registry.example/other:1", command=["false"])
    method = world.method()
    with pytest.raises(PermanentError, match="failed"):
        world.method(image="registry.example/other:1").make(NAME)
    path = f"/apis/batch/v1/namespaces/{world.namespace}/jobs/job-{NAME}"
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    world.api.send("PATCH", path, held, "application/merge-patch+json")

    with pytest.raises(TemporaryError, match=r"is still there after .* try again"):
        method.begin(NAME)
    with pytest.raises(TemporaryError, match=r"is still there after .* try again"):
        method.begin(NAME)  # it is on its way out, which is no job at work

    free: dict[str, Any] = {"metadata": {"finalizers": None}}
    world.api.send("PATCH", path, free, "application/merge-patch+json")
    method.make(NAME)
    assert (len(world.jobs()), world.depot.backups()) == (1, MADE)


def test_a_job_that_is_not_ours_is_left_alone(world: World) -> None:
    method = world.method()
    world.start(method.order.of(NAME))
    path = f"/apis/batch/v1/namespaces/{world.namespace}/jobs/job-{NAME}"
    change = {"metadata": {"annotations": {"upkeep.io/backup-name": "another"}}}
    world.api.send("PATCH", path, change, "application/merge-patch+json")

    for act in (method.begin, method.ready):
        with pytest.raises(PermanentError, match=r"is not one of ours .* says 'another'"):
            act(NAME)


def test_a_job_that_ended_well_without_a_copy_is_told(world: World) -> None:
    method = world.method()
    world.cluster.admin("programs", image="registry.example/other:1", command=["true"])

    with pytest.raises(PermanentError, match=r"ended well, and .* lead elsewhere"):
        world.method(image="registry.example/other:1").make(NAME)

    method.make(NAME)
    assert world.depot.backups() == MADE


def test_a_job_that_somebody_deleted_is_told(world: World) -> None:
    with pytest.raises(PermanentError, match=f"job-{NAME} on .* is gone.*: begin it again"):
        world.method().ready(NAME)


def test_a_long_name_fits_and_stays_its_own() -> None:
    long = f"{'many-orders-' * 5}20261121t020000z-1a2b3c4d"
    assert len(job_name(long)) <= LONGEST_NAME
    assert job_name(long) != job_name(long.replace("1a2b3c4d", "1a2b3c4e"))
