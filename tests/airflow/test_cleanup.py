"""The suite's own old runs are deleted through a real API server; nothing else is."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool
from tests.airflow.waiting import ended, wait_for
from tests.servers.airflow import RunningAirflow

from sandbox.demo.platform import ENVIRONMENT
from upkeep.clients import airflow_api
from upkeep.errors import PermanentError
from upkeep.runs.cleanup import KEEP_DAYS, OWN_DAGS, remove_old_runs

WATCHDOG, CLEANUP = "upkeep_watchdog", "upkeep_cleanup"
KEPT = "upkeep_raise_incident"
"""A DAG whose runs stay: who raised what by hand."""

EARLIER = [f"old-{number}" for number in range(5)]


@pytest.fixture(scope="module")
def known(running: RunningAirflow) -> Iterator[RunningAirflow]:
    """The watchdog has ended runs, and it makes no more: they would come in between."""
    for dag_id in (WATCHDOG, CLEANUP, KEPT):
        wait_for(lambda dag_id=dag_id: running.api.knows(dag_id), dag_id, seconds=180)
    wait_for(lambda: running.api.ended_before(WATCHDOG, datetime.now(UTC))[1] > 0, "a watchdog", seconds=180)
    running.command("airflow", "dags", "pause", WATCHDOG, "--yes")
    yield running
    running.command("airflow", "dags", "unpause", WATCHDOG, "--yes")


@pytest.fixture
def metadata(running: RunningAirflow) -> Iterator[Engine]:
    """Airflow's own database."""
    settings = json.loads((running.platform.folder / ENVIRONMENT).read_text())
    engine = create_engine(settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], poolclass=NullPool)
    yield engine
    engine.dispose()


def test_the_audit_log_and_the_jobs_of_dead_parts_are_removed_after_their_days(
    running: RunningAirflow, metadata: Engine
) -> None:
    def left(table: str, name: str) -> list[str]:
        with metadata.connect() as connection:
            return sorted(connection.scalars(text(f"SELECT {name} FROM {table} WHERE {name} LIKE '%days'")))

    with metadata.begin() as connection:
        for days in (29, 31):
            at = {"at": datetime.now(UTC) - timedelta(days=days), "name": f"{days} days"}
            connection.execute(text("INSERT INTO log (dttm, event) VALUES (:at, :name)"), at)
            job = "INSERT INTO job (job_type, state, latest_heartbeat, hostname)"
            connection.execute(text(f"{job} VALUES ('x', 'failed', :at, :name)"), at)

    script = Path(__file__).parents[2] / "scripts/container/clean-database"
    settings = json.loads((running.platform.folder / ENVIRONMENT).read_text())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run([script, "30", "--once"], env={**os.environ, **settings, "PATH": path}, check=True)

    assert left("log", "event") == left("job", "hostname") == ["29 days"]
    assert running.api.health()["scheduler"]["status"] == "healthy"


def names(running: RunningAirflow, dag_id: str) -> set[str]:
    runs, count = running.api.ended_before(dag_id, datetime.now(UTC) + timedelta(days=1))
    assert len(runs) == count
    return set(runs)


def test_a_run_by_hand_only_says_what_it_would_delete(known: RunningAirflow) -> None:
    before = names(known, WATCHDOG)
    known.api.trigger(CLEANUP, "look")

    assert ended(known, CLEANUP, "look") == "success"
    assert names(known, WATCHDOG) >= before


def test_what_is_younger_than_the_retention_stays(known: RunningAirflow) -> None:
    before = names(known, WATCHDOG)

    assert sum(remove_old_runs(known.api, datetime.now(UTC), KEEP_DAYS, dry=False).values()) == 0
    assert names(known, WATCHDOG) >= before


def test_old_runs_go_in_batches_with_their_tasks_and_others_stay(
    known: RunningAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow_api, "PAGE", 2)
    for name in EARLIER:
        known.api.trigger(CLEANUP, name, {"dry_run": "yes"})
    known.api.trigger(KEPT, "stays")
    assert {ended(known, CLEANUP, name) for name in EARLIER} == {"success"}
    ended(known, KEPT, "stays")
    late = datetime.now(UTC) + timedelta(days=KEEP_DAYS, minutes=1)
    said = remove_old_runs(known.api, late, KEEP_DAYS, dry=True)
    assert said[CLEANUP] >= len(EARLIER)

    removed = remove_old_runs(known.api, late, KEEP_DAYS, dry=False)

    assert removed == said
    assert set(removed) <= set(OWN_DAGS)
    assert known.api.ended_before(CLEANUP, late) == ([], 0)
    with pytest.raises(PermanentError, match="404"):
        known.api.run_state(CLEANUP, EARLIER[0])
    with pytest.raises(PermanentError, match="404"):
        known.api.task_states(CLEANUP, EARLIER[0])
    assert known.api.run_state(KEPT, "stays") in ("success", "failed")


def test_what_is_gone_is_no_error_and_what_has_not_ended_is_refused(known: RunningAirflow) -> None:
    known.api.trigger(CLEANUP, "later", run_after=datetime.now(UTC) + timedelta(days=1))
    known.api.trigger(CLEANUP, "once", {"dry_run": "yes"})
    ended(known, CLEANUP, "once")

    assert known.api.delete_runs(CLEANUP, ["once"]) == 1
    assert known.api.delete_runs(CLEANUP, ["once"]) == 0
    names_before, _ = known.api.ended_before(CLEANUP, datetime.now(UTC) + timedelta(days=2))
    assert "later" not in names_before
