"""What the operators of RDS's stages do, through a client of the test's own instead of a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk.bases.operator import ExecutorSafeguard
from tests.servers.situation import make_system

from upkeep.acts.model import Act, By, Does, Stage
from upkeep.backups.provider import WORKER, Provider
from upkeep.catalog.plans import StagePlan
from upkeep.operators.stages import RunStage, StageFacts
from upkeep.procedures.stages import _operator

ExecutorSafeguard.test_mode = True  # their `execute` is called here by no task

FACTS = StageFacts(
    routine={"system": "shop"}, procedure_id="shop/backup/database", procedure="database", kind="backup",
    stage="make", parameters={"policy": "database"}, fields={}, earlier=[], fail_on=["critical"],
)  # fmt: skip


def operator_by(by: By) -> Any:
    """Return the task of a stage that is done by an operator of the provider's."""
    chosen = _operator(StagePlan("make", "Make", Does.CHANGE, 15, 60, by), RunStage)
    return chosen(task_id="database.make", facts=FACTS)


def provider_by(by: By, client: Callable[[str | None], Any]) -> Provider:
    """Return what an operator does. client: returns boto3's `rds` of a region, None for the connection's."""
    operator = operator_by(by)
    operator.hook.conn = client(None)
    found: Provider = operator._provider({}, make_system(connections={"aws": "shop_aws"}))
    if by is not By.INSTANCE_DELETION:
        return found

    def delete(identifier: str, region: str) -> None:
        operator.hook.conn = client(region)
        found.delete_instance(identifier, region)

    return Provider(delete_instance=delete)


def provider_of(stage: Stage, act: Act, parameters: Any) -> Provider:
    """Return what the operator of a stage does, with the clients of an act."""
    by = stage.by(act.system, parameters)
    if by in (By.WORKER, By.JOB):
        return act.provider if by is By.JOB else WORKER
    return provider_by(by, lambda region: act.clients.aws("rds", *([region] if region else [])))


def whole_provider(client: Any) -> Provider:
    """Return what all of them do."""
    made = {by: provider_by(by, lambda _region: client) for by in set(By) - {By.WORKER, By.JOB}}
    return Provider(
        create_snapshot=made[By.SNAPSHOT].create_snapshot,
        snapshot_available=made[By.SNAPSHOT_SENSOR].snapshot_available,
        delete_snapshot=made[By.SNAPSHOT_DELETION].delete_snapshot,
        instance_available=made[By.INSTANCE_SENSOR].instance_available,
        delete_instance=made[By.INSTANCE_DELETION].delete_instance,
    )
