"""Which stages of the shipped systems an operator of a provider does, and what it costs the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.providers.amazon.aws.operators.rds import (
    RdsCreateDbSnapshotOperator,
    RdsDeleteDbInstanceOperator,
    RdsDeleteDbSnapshotOperator,
)
from airflow.providers.amazon.aws.sensors.rds import RdsDbSensor, RdsSnapshotExistenceSensor
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator

from upkeep.catalog.compiled import Catalog
from upkeep.procedures.factory import build

ROOT = Path(__file__).parents[2]
OF_RDS = (
    RdsCreateDbSnapshotOperator,
    RdsDeleteDbInstanceOperator,
    RdsDeleteDbSnapshotOperator,
    RdsDbSensor,
    RdsSnapshotExistenceSensor,
)
BACKUP: dict[str, type[BaseOperator]] = {
    "make": RdsCreateDbSnapshotOperator,
    "ready": RdsSnapshotExistenceSensor,
    "expire": RdsDeleteDbSnapshotOperator,
}
RESTORE: dict[str, type[BaseOperator]] = {"ready": RdsDbSensor, "clean_up": RdsDeleteDbInstanceOperator}
IMPORTED = """
import sys
from pathlib import Path
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=Path(sys.argv[1]) / "daily.py")
assert bag.dags and not bag.import_errors
heavy = ("airflow.providers.amazon.aws", "airflow.providers.cncf.kubernetes.operators", "boto3")
print([name for name in sys.modules if name.startswith(heavy)])
"""


def dag_of(dag_id: str) -> DAG:
    [plan] = Catalog().plans(dag_id=dag_id)
    return build(plan)


@pytest.mark.parametrize(
    ("dag_id", "expected"),
    [
        ("quikapp_backup_database", BACKUP),
        ("quikapp_restore_snapshot", RESTORE),
        ("quikapp_restore_point_in_time", RESTORE),
        ("quikapp_drill_full", RESTORE),
        ("quikapp_drill_nonprod", RESTORE),
        ("quikapp_drill_restore", RESTORE),
        ("tapio_drill_region", {"clean_up": RdsDeleteDbInstanceOperator}),
        ("maintenance-api_backup_database", {}),
        ("zetra_recover", {}),
    ],
)
def test_what_the_provider_has_an_operator_for_it_does(
    dag_id: str, expected: dict[str, type[BaseOperator]]
) -> None:
    tasks = dag_of(dag_id).tasks
    done = {
        task.task_id.partition(".")[2]: next(kind for kind in OF_RDS if isinstance(task, kind))
        for task in tasks
        if isinstance(task, OF_RDS)
    }

    assert done == expected
    for task in tasks:
        if isinstance(task, OF_RDS):
            assert not getattr(task, "wait_for_completion", False)
            assert not getattr(task, "deferrable", False)
        if isinstance(task, BaseSensorOperator):
            assert task.mode == "reschedule"


def test_the_daily_routines_import_no_provider(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORTED, str(ROOT / "dags")]
    done = subprocess.run(
        command, env=os.environ | {"UPKEEP_CACHE": str(tmp_path)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "[]"
