"""Backups, recoveries and drills through a real scheduler: what runs, waits for people, is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.airflow.acting import Run
from tests.airflow.depot import BACKUPS, ROWS, Depot
from tests.airflow.waiting import wait_for, wait_for_system
from tests.servers.airflow import RunningAirflow

from upkeep.backups.model import Level
from upkeep.errors import PermanentError
from upkeep.ledger import answers, incident_reads
from upkeep.ledger.backups import Known, known_backups

OF_DEPOT = incident_reads.Which(system="depot", state="open")
Start = Callable[..., Run]


@pytest.fixture(scope="module")
def start(running: RunningAirflow, depot: Depot) -> Start:
    """Start a run of a procedure of the depot for real, under a name and with a form."""
    wait_for_system(running, "depot", "backup", "restore", "file", "careful", "drill")

    def begin(routine: str, run_id: str, **form: object) -> Run:
        procedure = "file" if routine in ("file", "careful") else "database"
        return Run(running, depot, f"depot_{routine}", run_id, procedure).start(**form)

    return begin


@pytest.fixture(scope="module", autouse=True)
def asking(start: Start, depot: Depot) -> dict[str, Run]:
    """Runs that would replace a file by its older version. They ask for approval while others are at work."""
    runs = {}
    for name, routine in (("rejected", "file"), ("changed", "file"), ("once", "careful"), ("two", "careful")):
        old, _ = depot.write(name, "old", "new")
        runs[name] = start(routine, name, key=name, version=old, in_place=True)
    return runs


def known(running: RunningAirflow) -> list[Known]:
    return known_backups(running.ledger, "depot", "database")


def test_a_dry_run_of_a_backup_makes_nothing_and_says_what_it_would(
    start: Start, running: RunningAirflow, depot: Depot
) -> None:
    run = start("backup", "look", dry_run="auto")

    assert run.ended() == "success"
    assert (depot.backups(), known(running)) == ([], [])
    stages = run.tasks()
    assert stages.pop("plan") == "success"
    assert {stages.pop(name) for name in ("make", "ready", "prove", "expire")} == {"skipped"}
    assert f"Back up PostgreSQL to s3://{BACKUPS}/database/" in run.report()


def test_a_backup_whose_worker_is_killed_is_made_once_and_proven(
    start: Start, running: RunningAirflow, depot: Depot
) -> None:
    with depot.slow_upload() as slow:
        run = start("backup", "killed")
        assert slow.reached.wait(90)
        assert depot.uploads() == 1
        run.kill("make")

    assert run.ended() == "success"
    assert run.task("make")["try_number"] == 2
    [backup] = known(running)
    assert backup.proven == Level.CHECKSUMS
    made = depot.backups()
    assert len(made) == 2  # the dump and its manifest
    assert f"s3://{BACKUPS}/{min(made)}" == backup.copy.reference
    assert depot.uploads() == 0
    assert f"{backup.copy.name} is proven up to checksums" in run.report()

    run.clear("make")
    assert run.ended() == "success"
    assert run.task("make")["try_number"] == 3
    assert (depot.backups(), [one.copy for one in known(running)]) == (made, [backup.copy])


def test_a_restore_whose_worker_is_killed_leaves_no_half_of_a_database(start: Start, depot: Depot) -> None:
    with depot.slow_restore():
        run = start("restore", "killed", target="restored_killed")
        wait_for(lambda: depot.mark("restored_killed") == "restoring", "the new database")
        wait_for(lambda: depot.indexing("restored_killed"), "the last step of the restore")
        run.kill("restore")
        wait_for(lambda: run.task("restore")["try_number"] == 2, "the second attempt")

    assert run.ended() == "success"
    assert depot.mark("restored_killed") == "restored"
    assert (depot.restored(), depot.rows("restored_killed")) == ({"restored_killed"}, ROWS)
    row = run.recovery()
    assert (row.target.rpartition("/")[2], row.problems) == ("restored_killed", [])
    assert row.verified_at > row.restored_at > row.data_as_of


def test_a_restore_in_place_that_is_rejected_touches_nothing(asking: dict[str, Run], depot: Depot) -> None:
    run = asking["rejected"]
    asked = run.question()
    assert asked["subject"] == "Restore s3://depot-media/rejected"
    assert "copy version" in asked["body"]
    with pytest.raises(PermanentError, match="403"):
        run.answer("Approve", "viewer")

    run.answer("Reject", "oncall")

    assert run.ended() == "success"
    assert (depot.read("rejected"), depot.versions("rejected")) == ("new", 2)
    stages = run.tasks()
    later = ("approve_2", "restore", "ready", "verify", "resume", "measure")
    assert {stages[name] for name in later} == {"skipped"}
    assert stages["report"] == "success"
    assert (run.recovery(), run.approvers()) == (None, set())
    assert "to recover" not in run.report()


def test_an_approval_of_a_plan_that_has_changed_is_refused(asking: dict[str, Run], depot: Depot) -> None:
    run = asking["changed"]
    run.question()
    depot.write("changed", "newer")

    run.answer("Approve", "oncall")

    assert run.ended() == "failed"
    assert (depot.read("changed"), depot.versions("changed")) == ("newer", 3)
    assert run.recovery() is None
    assert "things have changed since" in run.log("restore")
    stages = run.tasks()
    assert (stages["restore"], stages["clean_up"], stages["report"]) == ("failed", "success", "success")


def test_the_same_person_twice_is_one(asking: dict[str, Run], depot: Depot) -> None:
    run = asking["once"]

    run.answer("Approve", "oncall", "oncall")

    assert run.ended() == "failed"
    assert "1 of 2 persons have approved it" in run.log("restore")
    assert (depot.read("once"), depot.versions("once"), run.recovery()) == ("new", 2, None)


def test_two_persons_must_approve_and_then_it_is_done_once(asking: dict[str, Run], depot: Depot) -> None:
    run = asking["two"]
    run.answer("Approve", "oncall")
    run.question()
    assert depot.read("two") == "new"

    run.answer("Approve", "admin")

    assert run.ended() == "success"
    assert (depot.read("two"), depot.versions("two")) == ("old", 3)
    assert run.approvers() == {"admin", "oncall"}
    assert "approved by admin and oncall" in run.log("restore")
    row = run.recovery()
    assert row.verified_at > row.restored_at > row.began_at
    assert "to recover" in run.report()

    # Cleared, it is not approved any more: what was done stays, and nothing is done again.
    run.clear("restore")
    assert run.ended() == "failed"
    assert "0 of 2 persons have approved it" in run.log("restore")
    assert (depot.read("two"), depot.versions("two")) == ("old", 3)


def test_a_drill_restores_measures_and_drops_what_it_made(start: Start, depot: Depot) -> None:
    before = depot.restored()
    run = start("drill", "good")

    assert run.ended() == "success"
    row = run.recovery()
    assert row.drill
    assert (row.verified_at > row.lost_at > row.data_as_of, row.cleaned_at > row.verified_at) == (True, True)
    assert "It took" in run.report()
    assert "The work of" in run.report()
    assert depot.restored() == before
    assert depot.rows("depot") == ROWS


def test_a_drill_that_fails_opens_an_incident_and_cleans_up(
    start: Start, running: RunningAirflow, depot: Depot
) -> None:
    before = depot.restored()
    newest = known(running)[0].copy.reference.removeprefix(f"s3://{BACKUPS}/")
    with depot.damaged(newest):
        run = start("drill", "bad", page=True)
        assert run.ended() == "failed"

    stages = run.tasks()
    assert (stages["restore"], stages["verify"], stages["clean_up"]) == (
        "failed",
        "upstream_failed",
        "success",
    )
    assert run.recovery().verified_at is None
    assert depot.restored() == before
    [backup] = known(running)
    assert backup.proven is None
    assert "its bytes were changed" in backup.broken[0]
    wait_for(lambda: bool(incident_reads.incidents(running.ledger, OF_DEPOT)), "the incident")
    [incident] = incident_reads.incidents(running.ledger, OF_DEPOT)
    assert (incident.source, incident.facts["run_id"]) == ("failure", "bad")
    answers.resolve(running.ledger, incident.id, answers.Answer("sre", datetime.now(UTC)))
