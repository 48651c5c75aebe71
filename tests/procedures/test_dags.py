"""The DAGs of the shipped catalog: which there are, and what all of them have."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from upkeep.operators.approving import ApproveStage

ROOT = Path(__file__).parents[2]
DAILY = {
    "lessay_daily_metrics",
    "maintenance-api_daily_review",
    "quikapp_daily_backups",
    "quikapp_daily_review",
    "quikapp_daily_vulnerabilities",
    "tapio_daily_automation",
    "zetra_daily_checks",
}
MONTHLY = {"zetra_kpi_report", "tapio_monthly_backups"}
ROUTINES = DAILY | MONTHLY
BACKUPS = {
    "lessay_backup_configuration",
    "lessay_backup_database_daily",
    "lessay_backup_database_hourly",
    "lessay_backup_files",
    "maintenance-api_backup_database",
    "quikapp_backup_database",
    "tapio_backup_application_state",
    "tapio_backup_certificates",
    "tapio_backup_configuration",
    "tapio_backup_full_system",
    "tapio_backup_image",
    "tapio_backup_logs",
    "tapio_backup_volumes",
    "zetra_backup_configuration",
    "zetra_backup_database",
    "zetra_backup_files",
    "zetra_backup_full_system",
}
DRILLS = {
    "lessay_drill_restore",
    "maintenance-api_drill_disaster",
    "quikapp_drill_full",
    "quikapp_drill_nonprod",
    "quikapp_drill_restore",
    "tapio_drill_full",
    "tapio_drill_namespace",
    "tapio_drill_region",
    "zetra_drill_disaster",
}
RECOVERIES = {
    "lessay_recover",
    "lessay_restore_configuration",
    "lessay_return_traffic",
    "maintenance-api_restore_database",
    "maintenance-api_roll_back",
    "quikapp_restore_file",
    "quikapp_restore_point_in_time",
    "quikapp_restore_snapshot",
    "quikapp_verify_backup",
    "tapio_fail_over",
    "tapio_recover_component",
    "tapio_recover_data",
    "tapio_recover_system",
    "tapio_restore_volumes",
    "zetra_recover",
    "zetra_restore_archive",
    "zetra_verify_backup",
}
ACTING = BACKUPS | DRILLS | RECOVERIES
OF_THE_SUITE = {
    "upkeep_answer_incident",
    "upkeep_cleanup",
    "upkeep_escalation",
    "upkeep_raise_incident",
    "upkeep_stand_in",
    "upkeep_watchdog",
}
SERIALISE = """
import hashlib, json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
for dag_id, dag in sorted(bag.dags.items()):
    text = json.dumps(DagSerialization.to_dict(dag), sort_keys=True, default=str)
    print(dag_id, hashlib.sha256(text.encode()).hexdigest())
"""


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UPKEEP_CACHE", str(tmp_path_factory.mktemp("catalog")))
        yield


@pytest.fixture(scope="module")
def dags(_own_cache: None) -> dict[str, DAG]:
    bag = DagBag(dag_folder=ROOT / "dags")
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_these_are_all_dags_there_are(dags: dict[str, DAG]) -> None:
    assert set(dags) == ROUTINES | ACTING | OF_THE_SUITE


@pytest.mark.parametrize("dag_id", sorted(ACTING))
def test_what_changes_something_is_dry_by_default_and_never_destroys_unasked(
    dags: dict[str, DAG], dag_id: str
) -> None:
    dag = dags[dag_id]

    assert dag.params["dry_run"] == "auto"
    assert "as_of" not in dag.params
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert bool(dag.deadline) == (dag_id not in RECOVERIES)
    assert (dag.schedule is None) == (dag_id in RECOVERIES)
    approvals = [task for task in dag.tasks if isinstance(task, ApproveStage)]
    assert bool(approvals) == (dag_id not in BACKUPS | {"quikapp_verify_backup"})
    for task in approvals:
        assert task.defaults is None
        assert (task.retries, task.execution_timeout) == (0, None)
        assert task.response_timeout


@pytest.mark.parametrize("dag_id", sorted(DRILLS | RECOVERIES - {"quikapp_verify_backup"}))
def test_what_a_run_makes_for_itself_is_taken_away_whatever_became_of_it(
    dags: dict[str, DAG], dag_id: str
) -> None:
    dag = dags[dag_id]
    cleaning = [task for task in dag.tasks if task.task_id.endswith(".clean_up")]

    assert cleaning
    for task in cleaning:
        assert task.is_teardown
        assert task.on_failure_fail_dagrun
        # Airflow judges a run by its last tasks: what failed before must be among them.
        group = task.task_id.partition(".")[0]
        assert dag.get_task(f"{group}.ended").is_teardown
        assert not dag.get_task(f"{group}.ended").on_failure_fail_dagrun
        assert not dag.get_task(f"{group}.measure").is_teardown


@pytest.mark.parametrize("dag_id", sorted(ROUTINES))
def test_every_routine_is_made_alike(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    system = dag_id.split("_", 1)[0]

    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert {tag.split(":")[0] for tag in dag.tags} == {"system", "cadence", "owner"}
    assert f"system:{system}" in dag.tags
    assert dag.doc_md
    assert dag.deadline
    assert set(dag.params) == {"as_of", "procedures", "dry_run", "page"}
    for task in dag.tasks:
        assert task.pool == f"upkeep_{system}"
        assert task.owner in dag.owner_links or dag.owner_links == {}
        assert task.retries >= 1
        assert task.retry_policy is not None
        assert task.retry_exponential_backoff == 2.0
        assert task.execution_timeout
        assert task.execution_timeout <= timedelta(hours=1)


@pytest.mark.parametrize("dag_id", sorted(ROUTINES))
def test_nothing_runs_before_the_run_is_open_and_the_report_comes_last(
    dags: dict[str, DAG], dag_id: str
) -> None:
    dag = dags[dag_id]
    procedures = set(dag.task_ids) - {"open_run", "report"}

    assert dag.get_task("open_run").downstream_task_ids == procedures
    assert dag.get_task("report").upstream_task_ids == procedures
    assert dag.get_task("report").is_teardown


def test_two_parses_serialise_to_the_same_bytes() -> None:
    """In processes with different hash seeds, one over a cold catalog and one over a warm one."""
    first, second = (_serialised(seed) for seed in ("1", "2"))

    assert first == second
    assert {line.split()[0] for line in first.splitlines()} == ROUTINES | ACTING


def test_a_task_start_builds_its_own_dag_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "zetra_daily_checks")

    bag = DagBag(dag_folder=ROOT / "dags" / "daily.py")

    assert set(bag.dags) == {"zetra_daily_checks"}


def test_parsing_opens_no_connection(tmp_path: Path) -> None:
    """An audit hook cannot be removed: the parse runs in a process of its own."""
    code = f"""
import sys
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise AssertionError(f"{{event}} {{args}} while parsing")
import airflow.dag_processing.dagbag
sys.addaudithook(hook)
{SERIALISE}
"""
    done = _python(code, {"UPKEEP_CACHE": str(tmp_path)})
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_plugin_loader_loads_the_plugin_and_nothing_else(tmp_path: Path) -> None:
    """A module beside it would be executed, and one called email.py would hide the standard library's."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    for name in ("upkeep_plugin.py", ".airflowignore"):
        (plugins / name).write_text((ROOT / "plugins" / name).read_text())
    (plugins / "email.py").write_text("raise RuntimeError('executed')")
    (plugins / "deep").mkdir()
    (plugins / "deep" / "helper.py").write_text("raise RuntimeError('executed')")
    code = """
import json
from airflow import plugins_manager
references = plugins_manager.get_deadline_references_plugins()
print(json.dumps([sorted(references), plugins_manager.get_import_errors()]))
"""
    done = _python(code, {"AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins)})

    assert json.loads(done.stdout.splitlines()[-1]) == [["upkeep.deadlines.run_due.RunDue"], {}]


def _serialised(seed: str) -> str:
    done = _python(SERIALISE, {"PYTHONHASHSEED": seed})
    assert done.returncode == 0, done.stderr[-2000:]
    ours = ROUTINES | ACTING
    return "".join(line for line in done.stdout.splitlines(keepends=True) if line.split()[0] in ours)


def _python(code: str, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, str(ROOT / "dags")]
    return subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
