"""Dumps that a job makes, through a real scheduler."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.airflow.acting import Run
from tests.airflow.waiting import wait_for, wait_for_system
from tests.airflow.yard import IMAGE, Yard
from tests.backups.jobs.world import kill
from tests.servers.airflow import RunningAirflow

from upkeep.backups.model import Level
from upkeep.ledger.backups import known_backups

Start = Callable[..., Run]


@pytest.fixture(scope="module")
def start(running: RunningAirflow, yard: Yard) -> Start:
    """Start a backup of the yard under a name."""
    wait_for_system(running, "yard", "backup")

    def begin(run_id: str, **form: object) -> Run:
        return Run(running, yard.depot, "yard_backup", run_id, "database").start(**form)

    return begin


def test_a_dry_run_makes_no_job_and_says_who_would_dump(start: Start, yard: Yard) -> None:
    run = start("look", dry_run="auto")

    assert run.ended() == "success"
    assert (yard.jobs(), yard.backups()) == ([], [])
    assert {run.tasks()[name] for name in ("make", "ready", "prove", "expire")} == {"skipped"}
    assert f"by a job of {IMAGE}" in run.report()


def test_a_job_makes_the_backup_while_no_worker_waits(
    start: Start, running: RunningAirflow, yard: Yard
) -> None:
    with yard.depot.slow_upload() as slow:
        run = start("good")
        assert slow.reached.wait(120)
        [job] = yard.jobs()
        wait_for(lambda: run.tasks()["ready"] == "up_for_reschedule", "the stage that waits")
        assert run.tasks()["make"] == "success"
        kill(job["metadata"]["annotations"]["upkeep.io/backup-name"])

    assert run.ended() == "success"
    [backup] = known_backups(running.ledger, "yard", "database")
    assert backup.proven == Level.CHECKSUMS
    made = yard.backups()
    assert (len(made), yard.depot.uploads()) == (2, 0)
    assert f"{backup.copy.name} is proven up to checksums" in run.report()

    run.clear("make")
    assert run.ended() == "success"
    assert run.task("make")["try_number"] == 2
    assert [one["metadata"]["uid"] for one in yard.jobs()] == [job["metadata"]["uid"]]
    assert yard.backups() == made


def test_a_job_that_fails_is_told_with_its_log_and_made_anew(start: Start, yard: Yard) -> None:
    before = yard.backups()
    yard.forget_password()
    run = start("failing")
    assert run.ended() == "failed"
    stages = run.tasks()
    assert (stages["make"], stages["ready"], stages["prove"]) == ("success", "failed", "upstream_failed")
    said = run.log("ready")
    assert "BackoffLimitExceeded" in said
    assert "password authentication failed" in said
    assert run.task("ready")["try_number"] == 1
    secrets = ("of another door", yard.depot.server.password)
    for stage in ("make", "ready"):
        assert [secret for secret in secrets if secret in run.log(stage)] == []

    yard.remember_password()
    run.clear("make")

    assert run.ended() == "success"
    assert len(yard.backups()) == len(before) + 2
