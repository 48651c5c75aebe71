"""Backups, recoveries and drills through a real scheduler: what runs, waits for people, is refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.airflow.depot import BACKUPS, Depot
from tests.airflow.waiting import ended, wait_for
from tests.servers.airflow import RunningAirflow

from upkeep.backups.model import Level
from upkeep.clients.airflow_api import AirflowApi, Login
from upkeep.errors import PermanentError
from upkeep.ledger import answers, incident_reads, reads
from upkeep.ledger.backups import known_backups
from upkeep.ledger.recoveries import RecoveryKey, recovery

BACKUP, FILE, DRILL = "depot_backup", "depot_file", "depot_drill"
APPROVAL = "file.approve_1"
FOR_REAL = {"dry_run": "no"}


@dataclass(frozen=True)
class Acting:
    """The depot, and the Airflow that changes it."""

    airflow: RunningAirflow
    depot: Depot

    def start(self, dag_id: str, run_id: str, **conf: Any) -> None:
        assert self.airflow.api.trigger(dag_id, run_id, conf)

    def run(self, dag_id: str, run_id: str, **conf: Any) -> str:
        """Return how a run ended."""
        self.start(dag_id, run_id, **conf)
        return ended(self.airflow, dag_id, run_id)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the state of each stage, by its name."""
        found = self.airflow.api.task_states(dag_id, run_id)
        return {task.rpartition(".")[2]: state for task, state in found.items()}

    def waits_for_approval(self, run_id: str) -> dict[str, Any]:
        """Wait until a run asks for approval; return what it asks."""
        path = f"/api/v2/dags/{FILE}/dagRuns/{run_id}/hitlDetails"

        def asked() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.airflow.api._ask("GET", path).json()["hitl_details"]
            return [one for one in found if not one["response_received"]]

        wait_for(lambda: bool(asked()), f"{run_id} to ask for approval")
        return asked()[0]

    def answer(self, run_id: str, answer: str, who: str = "oncall") -> None:
        """Answer as a person does."""
        where = self.airflow.platform
        path = f"/api/v2/dags/{FILE}/dagRuns/{run_id}/taskInstances/{APPROVAL}/-1/hitlDetails"
        with AirflowApi(Login(where.url, who, where.password(who))) as api:
            api._ask("PATCH", path, json={"chosen_options": [answer]})

    def clear(self, run_id: str, *tasks: str) -> None:
        """Clear tasks of a run, with all that follow them."""
        body = {
            "dry_run": False, "dag_run_id": run_id, "task_ids": list(tasks), "only_failed": False,
            "include_downstream": True,
        }  # fmt: skip
        self.airflow.api._ask("POST", f"/api/v2/dags/{FILE}/clearTaskInstances", json=body)

    def said(self, run_id: str, stage: str) -> str:
        """Return the log of a stage."""
        logs = self.airflow.state / "airflow" / "logs" / f"dag_id={FILE}" / f"run_id={run_id}"
        return "".join(file.read_text() for file in (logs / f"task_id=file.{stage}").glob("*.log"))

    def report(self, dag_id: str, run_id: str) -> str:
        found = reads.report(self.airflow.ledger, dag_id, run_id)
        assert found is not None
        return found.markdown

    def verified(self, run_id: str) -> bool:
        row = recovery(self.airflow.ledger, RecoveryKey(FILE, run_id, "file"))
        return row is not None and row.verified_at is not None


@pytest.fixture(scope="module")
def acting(running: RunningAirflow, depot: Depot) -> Acting:
    """The depot's DAGs are known, and so is its pool."""
    wait_for(lambda: all(running.api.knows(dag_id) for dag_id in (BACKUP, FILE, DRILL)), "the DAGs")
    wait_for(lambda: "upkeep_depot" in running.api.pools(), "the pool", seconds=120)
    return Acting(running, depot)


def wanted(key: str, version: str, **more: Any) -> Mapping[str, Any]:
    return {"key": key, "version": version, **FOR_REAL, **more}


def test_a_dry_run_of_a_backup_makes_nothing_and_says_what_it_would(acting: Acting) -> None:
    assert acting.run(BACKUP, "look") == "success"

    assert acting.depot.dumps() == set()
    assert known_backups(acting.airflow.ledger, "depot", "database") == []
    tasks = acting.tasks(BACKUP, "look")
    assert [tasks[name] for name in ("plan", "make", "ready", "prove", "expire")] == [
        "success", "skipped", "skipped", "skipped", "skipped",
    ]  # fmt: skip
    assert f"Back up PostgreSQL to s3://{BACKUPS}/database/" in acting.report(BACKUP, "look")


def test_each_run_by_hand_makes_proves_and_records_another_backup(acting: Acting) -> None:
    acting.start(BACKUP, "first", **FOR_REAL)
    acting.start(BACKUP, "second", **FOR_REAL)
    assert (ended(acting.airflow, BACKUP, "first"), ended(acting.airflow, BACKUP, "second")) == (
        "success", "success",
    )  # fmt: skip

    known = known_backups(acting.airflow.ledger, "depot", "database")
    assert {one.copy.name for one in known} == acting.depot.dumps()
    assert [one.proven for one in known] == [Level.CHECKSUMS, Level.CHECKSUMS]
    assert "is proven up to checksums" in acting.report(BACKUP, "second")


def test_a_restore_in_place_that_is_rejected_touches_nothing(acting: Acting) -> None:
    old, _ = acting.depot.write("rejected", "old", "new")
    acting.start(FILE, "rejected", **wanted("rejected", old, in_place=True))
    asked = acting.waits_for_approval("rejected")
    assert asked["subject"] == "Restore s3://depot-media/rejected"
    assert "copy version" in asked["body"]

    with pytest.raises(PermanentError, match="403"):
        acting.answer("rejected", "Approve", who="viewer")
    acting.answer("rejected", "Reject")

    assert ended(acting.airflow, FILE, "rejected") == "success"
    assert (acting.depot.read("rejected"), acting.depot.versions("rejected")) == ("new", 2)
    tasks = acting.tasks(FILE, "rejected")
    later = ("approve_2", "restore", "ready", "verify", "resume", "measure")
    assert {tasks[name] for name in later} == {"skipped"}
    assert tasks["report"] == "success"


def test_a_restore_in_place_waits_and_is_done_once_it_is_approved(acting: Acting) -> None:
    old, _ = acting.depot.write("approved", "old", "new")
    acting.start(FILE, "approved", **wanted("approved", old, in_place=True))
    acting.waits_for_approval("approved")
    assert acting.depot.read("approved") == "new"

    acting.answer("approved", "Approve")

    assert ended(acting.airflow, FILE, "approved") == "success"
    assert acting.depot.read("approved") == "old"
    assert acting.verified("approved")
    assert "approved by oncall" in acting.said("approved", "restore")
    assert "to recover" in acting.report(FILE, "approved")

    # Cleared, it is not approved any more: what was done stays, and nothing is done again.
    acting.clear("approved", "file.restore")
    wait_for(lambda: acting.airflow.api.run_state(FILE, "approved") == "failed", "the second attempt")
    assert "0 of 1 persons have approved it" in acting.said("approved", "restore")
    assert acting.depot.versions("approved") == 3


def test_an_approval_of_a_plan_that_has_changed_is_refused(acting: Acting) -> None:
    old, _ = acting.depot.write("changed", "old", "new")
    acting.start(FILE, "changed", **wanted("changed", old, in_place=True))
    acting.waits_for_approval("changed")
    acting.depot.write("changed", "newer")

    acting.answer("changed", "Approve")

    assert ended(acting.airflow, FILE, "changed") == "failed"
    assert (acting.depot.read("changed"), acting.depot.versions("changed")) == ("newer", 3)
    assert "things have changed since" in acting.said("changed", "restore")
    tasks = acting.tasks(FILE, "changed")
    assert (tasks["restore"], tasks["clean_up"], tasks["report"]) == ("failed", "success", "success")


def test_a_worker_that_is_killed_while_it_restores_makes_no_second_copy(acting: Acting) -> None:
    old, _ = acting.depot.write("killed", "old", "new")
    with acting.depot.slow() as slow:
        acting.start(FILE, "killed", **wanted("killed", old, target="killed.back"))
        assert slow.copied.wait(90)
        path = f"/api/v2/dags/{FILE}/dagRuns/killed/taskInstances/file.restore"
        task = acting.airflow.api._ask("GET", path).json()
        os.kill(task["pid"], signal.SIGKILL)

    assert ended(acting.airflow, FILE, "killed") == "success"
    assert acting.airflow.api._ask("GET", path).json()["try_number"] == 2
    assert (acting.depot.read("killed.back"), acting.depot.versions("killed.back")) == ("old", 1)

    acting.clear("killed", "file.restore")
    wait_for(lambda: acting.airflow.api._ask("GET", path).json()["try_number"] == 3, "the third attempt")
    assert ended(acting.airflow, FILE, "killed") == "success"
    assert (acting.depot.read("killed"), acting.depot.versions("killed.back")) == ("new", 1)


def test_a_run_whose_plan_fails_has_failed_though_it_cleans_up(acting: Acting) -> None:
    acting.depot.write("refused", "only")
    assert acting.run(FILE, "refused", **wanted("refused", "no-such-version")) == "failed"

    tasks = acting.tasks(FILE, "refused")
    assert (tasks["plan"], tasks["restore"]) == ("failed", "upstream_failed")
    assert (tasks["clean_up"], tasks["report"]) == ("success", "success")


def test_a_drill_drops_what_it_made_and_one_that_fails_opens_an_incident(acting: Acting) -> None:
    assert acting.run(DRILL, "good", **FOR_REAL) == "success"
    assert acting.depot.databases() == set()
    assert "It took" in acting.report(DRILL, "good")

    acting.depot.ask("INSERT INTO parcels VALUES (1000, -1) RETURNING id")
    assert acting.run(BACKUP, "wrong", **FOR_REAL) == "success"
    assert acting.run(DRILL, "bad", page=True, **FOR_REAL) == "failed"

    tasks = acting.tasks(DRILL, "bad")
    assert (tasks["verify"], tasks["measure"], tasks["clean_up"]) == ("failed", "upstream_failed", "success")
    assert acting.depot.databases() == set()
    [incident] = incident_reads.incidents(acting.airflow.ledger, incident_reads.Which(system="depot"))
    assert "Nothing weighs less than nothing" in incident.summary
    answers.resolve(
        acting.airflow.ledger, incident.id, answers.Answer("sre", datetime.now(UTC), None, "form")
    )
