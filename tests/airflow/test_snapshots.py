"""Snapshots of RDS, by the provider's operators and sensors, through a real scheduler."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.airflow.acting import Run
from tests.airflow.quay import DRILL, LIVE, Quay
from tests.airflow.waiting import wait_for, wait_for_system
from tests.servers.airflow import RunningAirflow

from upkeep.backups.model import Level
from upkeep.ledger.backups import known_backups

Start = Callable[..., Run]


@pytest.fixture(scope="module")
def start(running: RunningAirflow, quay: Quay) -> Start:
    """Start a run of a routine of the quay under a name."""
    wait_for_system(running, "quay", "backup", "drill")

    def begin(routine: str, run_id: str, **form: object) -> Run:
        return Run(running, quay.depot, f"quay_{routine}", run_id, "database").start(**form)

    return begin


def done_by(run: Run, *stages: str) -> list[str]:
    return [run.task(stage)["operator_name"] for stage in stages]


def test_a_dry_run_begins_no_snapshot(start: Start, quay: Quay) -> None:
    run = start("backup", "look", dry_run="auto")

    assert run.ended() == "success"
    assert quay.snapshots() == []
    assert {run.tasks()[name] for name in ("make", "ready", "prove", "expire")} == {"skipped"}


def test_a_worker_that_is_killed_when_its_snapshot_is_made_leaves_one_that_the_next_finds(
    start: Start, running: RunningAirflow, quay: Quay
) -> None:
    with quay.making(late=True) as making:
        run = start("backup", "killed")
        assert making.reached.wait(90)
        run.kill("make")

    assert run.ended() == "success"
    assert run.task("make")["try_number"] == 2
    assert quay.snapshots() == making.asked
    [backup] = known_backups(running.ledger, "quay", "database")
    assert (backup.copy.reference, backup.proven) == (making.asked[0], Level.COMPLETE)
    assert f"{backup.copy.name} is proven up to complete" in run.report()
    assert done_by(run, "make", "ready", "prove", "expire") == [
        "SnapshotStage", "WaitForSnapshot", "RunStage", "DeleteSnapshots",
    ]  # fmt: skip

    run.clear("make")
    assert run.ended() == "success"
    assert run.task("make")["try_number"] == 3
    assert quay.snapshots() == making.asked


def test_a_snapshot_that_fails_is_told_at_once_and_made_anew(start: Start, quay: Quay) -> None:
    before = quay.snapshots()
    with quay.making(status="creating") as making:
        run = start("backup", "failing")
        wait_for(lambda: run.tasks()["ready"] == "up_for_reschedule", "the stage that waits")
        assert run.tasks()["make"] == "success"
        [snapshot] = making.asked
        quay.become(snapshot, "failed")
        assert run.ended() == "failed"
    assert f"RDS snapshot {snapshot}: failed; begin it again" in run.log("ready")
    stages = run.tasks()
    assert (stages["ready"], stages["prove"]) == ("failed", "upstream_failed")
    assert run.task("ready")["try_number"] == 1

    run.clear("make")

    assert run.ended() == "success"
    assert f"{snapshot} had failed and is being deleted" in run.log("make")
    assert quay.snapshots() == sorted([*before, snapshot])


def test_a_foreign_snapshot_of_that_name_is_left_alone(start: Start, quay: Quay) -> None:
    with quay.making(status="creating") as making:
        run = start("backup", "theirs")
        wait_for(lambda: run.tasks()["ready"] == "up_for_reschedule", "the stage that waits")
        [snapshot] = making.asked
        rds = quay.depot.cloud["rds"]
        rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot)
        rds.create_db_snapshot(DBInstanceIdentifier=LIVE, DBSnapshotIdentifier=snapshot)
        assert run.ended() == "failed"

    assert "it is left alone: rename or delete it" in run.log("ready")
    assert snapshot in quay.snapshots()
    rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot)


def test_a_drill_restores_beside_the_real_one_and_deletes_what_it_made(start: Start, quay: Quay) -> None:
    before = quay.snapshots()
    run = start("drill", "good")

    assert run.ended() == "success"
    assert done_by(run, "restore", "ready", "clean_up") == ["RunStage", "WaitForInstance", "DeleteInstance"]
    assert (quay.instances(), quay.snapshots()) == ([LIVE], before)
    row = run.recovery()
    assert (row.drill, row.target) == (True, f"the new instance {DRILL}")
    assert row.cleaned_at > row.verified_at > row.restored_at
