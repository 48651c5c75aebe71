"""What people and the world do to the depot's runs."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from tests.airflow.depot import Depot
from tests.airflow.waiting import ended, wait_for
from tests.servers.airflow import RunningAirflow

from upkeep.clients.airflow_api import AirflowApi, Login
from upkeep.ledger import reads
from upkeep.ledger.backup_tables import ApprovalRow
from upkeep.ledger.recoveries import RecoveryKey, recovery


@dataclass(frozen=True)
class Run:
    """A run of the depot by hand."""

    airflow: RunningAirflow
    depot: Depot
    dag_id: str
    run_id: str
    procedure: str

    def start(self, **form: Any) -> Run:
        """Start it for real, with a form."""
        assert self.airflow.api.trigger(self.dag_id, self.run_id, {"dry_run": "no", **form})
        return self

    def ended(self) -> str:
        """Return how it ended."""
        return ended(self.airflow, self.dag_id, self.run_id)

    def tasks(self) -> dict[str, str | None]:
        """Return the state of each stage."""
        found = self.airflow.api.task_states(self.dag_id, self.run_id)
        return {task.rpartition(".")[2]: state for task, state in found.items()}

    def task(self, stage: str) -> dict[str, Any]:
        """Return what Airflow knows of a stage's task."""
        path = f"{self._path}/taskInstances/{self.procedure}.{stage}"
        found: dict[str, Any] = self.airflow.api._ask("GET", path).json()
        return found

    def kill(self, stage: str) -> None:
        """Kill the process that does a stage."""
        os.kill(self.task(stage)["pid"], signal.SIGKILL)

    def question(self) -> dict[str, Any]:
        """Wait until it asks for an approval; return what it asks."""

        def asked() -> list[dict[str, Any]]:
            found = self.airflow.api._ask("GET", f"{self._path}/hitlDetails").json()["hitl_details"]
            return [one for one in found if not one["response_received"]]

        wait_for(lambda: bool(asked()), f"{self.run_id} to ask for approval")
        [question] = asked()
        # No person is so fast, but a test is: a task that goes on before the scheduler has heard that the
        # worker which asked has ended is taken for a dead one (apache/airflow#71580).
        task = question["task_instance"]["task_id"]
        heard = f"TaskInstance Finished: dag_id={self.dag_id}, task_id={task}, run_id={self.run_id},"
        log = self.airflow.state / "airflow" / "logs" / "scheduler.log"
        wait_for(lambda: heard in log.read_text(), f"the scheduler to hear of {task} of {self.run_id}")
        return question

    def answer(self, answer: str, *persons: str) -> None:
        """Answer what it asks as persons do, one question each."""
        where = self.airflow.platform
        for person in persons:
            task = self.question()["task_instance"]["task_id"]
            with AirflowApi(Login(where.url, person, where.password(person))) as api:
                path = f"{self._path}/taskInstances/{task}/-1/hitlDetails"
                api._ask("PATCH", path, json={"chosen_options": [answer]})

    def clear(self, stage: str) -> None:
        """Clear a stage with all that follow it."""
        body = {
            "dry_run": False, "dag_run_id": self.run_id, "task_ids": [f"{self.procedure}.{stage}"],
            "only_failed": False, "include_downstream": True,
        }  # fmt: skip
        self.airflow.api._ask("POST", f"/api/v2/dags/{self.dag_id}/clearTaskInstances", json=body)

    def log(self, stage: str) -> str:
        """Return the log of a stage, all attempts."""
        logs = self.airflow.state / "airflow" / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.run_id}"
        return "".join(
            path.read_text() for path in (logs / f"task_id={self.procedure}.{stage}").glob("*.log")
        )

    def report(self) -> str:
        """Return its report."""
        found = reads.report(self.airflow.ledger, self.dag_id, self.run_id)
        assert found is not None
        return found.markdown

    def recovery(self) -> Any:
        """Return what the ledger has of its recovery, None if none began."""
        return recovery(self.airflow.ledger, RecoveryKey(self.dag_id, self.run_id, self.procedure))

    def approvers(self) -> set[str]:
        """Return who approved it."""
        mine = (ApprovalRow.dag_id == self.dag_id, ApprovalRow.run_id == self.run_id)
        with self.airflow.ledger.connect() as connection:
            return set(connection.scalars(select(ApprovalRow.approved_by).where(*mine)))

    @property
    def _path(self) -> str:
        return f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}"
