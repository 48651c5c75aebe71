"""The operators of stages whose work the Amazon provider's operators and sensors for RDS do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.operators.rds import (
    RdsCreateDbSnapshotOperator,
    RdsDeleteDbInstanceOperator,
    RdsDeleteDbSnapshotOperator,
)
from airflow.providers.amazon.aws.sensors.rds import RdsDbSensor, RdsSnapshotExistenceSensor
from airflow.sdk import BaseOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowNotFoundException

from upkeep.backups.provider import Provider
from upkeep.clients.aws.errors import client_settings
from upkeep.operators.stages import OfStage, StageFacts

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.backups.provider import Tags
    from upkeep.catalog.models import System


class _OfRds(OfStage, BaseOperator):
    """What is looked at and what is done go through the same connection of Airflow's."""

    template_fields: Any = ()  # it is the catalog that says what is done: nothing of it is a template
    aws_conn_id: str | None
    made_with: ClassVar[dict[str, Any]]
    """What the provider's class is made with. What it works on, it is told when it works."""

    def __init__(self, *, facts: StageFacts, **kwargs: Any) -> None:
        super().__init__(botocore_config=client_settings(), **self.made_with, **kwargs)
        self._take(facts)

    def on_kill(self) -> None:
        """Leave what was begun, for a repeat finds it by its name. The provider's operators raise here."""

    def _provider(self, context: Context, system: System) -> Provider:
        # The stage's look has refused a connection that is not there; the provider would go on without it.
        self.aws_conn_id = system.connections.get("aws")
        return self._does(context)

    def _does(self, context: Context) -> Provider:
        """Return what the provider's class does for the stage."""
        raise NotImplementedError


class _Changes(_OfRds):
    """A stage that changes something; it does not wait, another one does and holds no worker."""

    ui_color = "#fef3c7"

    def execute(self, context: Context) -> Any:
        """Do the stage's work, which calls for the provider's operator; return what later stages read."""
        return dict(self._run(context).carried)


class _Waits(_OfRds):
    """A stage that asks again and again: the provider's sensor whether it is ready, we what became of it."""

    ui_color = "#e0e7ff"

    def poke(self, context: Context) -> PokeReturnValue:
        """Return whether it is ready, and what it carries."""
        result = self._run(context)
        return PokeReturnValue(result.ready, dict(result.carried))


class SnapshotStage(_Changes, RdsCreateDbSnapshotOperator):
    """Begin a snapshot, or find it begun. Its name follows from the run: no attempt makes a second one."""

    made_with: ClassVar = {
        "db_type": "instance",
        "db_identifier": "",
        "db_snapshot_identifier": "",
        "wait_for_completion": False,
    }

    def _does(self, context: Context) -> Provider:
        return Provider(
            create_snapshot=partial(self._create, context),
            # Of one that failed, before it is made anew; and of one that is a part of a larger backup.
            delete_snapshot=self._delete,
            snapshot_available=self._available,
        )

    def _create(self, context: Context, instance: str, identifier: str, tags: Tags) -> None:
        self.db_identifier, self.db_snapshot_identifier = instance, identifier
        self.tags = [dict(tag) for tag in tags]
        RdsCreateDbSnapshotOperator.execute(self, context)

    def _delete(self, identifier: str) -> None:
        self.hook.conn.delete_db_snapshot(DBSnapshotIdentifier=identifier)

    def _available(self, identifier: str) -> bool:
        try:
            return self.hook.get_db_snapshot_state(identifier) == "available"
        except AirflowNotFoundException:
            return False


class WaitForSnapshot(_Waits, RdsSnapshotExistenceSensor):
    """Wait until a snapshot is finished."""

    made_with: ClassVar = {"db_type": "instance", "db_snapshot_identifier": "", "mode": "reschedule"}

    def _does(self, context: Context) -> Provider:
        return Provider(snapshot_available=partial(self._available, context))

    def _available(self, context: Context, identifier: str) -> bool:
        self.db_snapshot_identifier = identifier
        return bool(RdsSnapshotExistenceSensor.poke(self, context))


class DeleteSnapshots(_Changes, RdsDeleteDbSnapshotOperator):
    """Delete the snapshots that have expired, one after the other."""

    made_with: ClassVar = {"db_type": "instance", "db_snapshot_identifier": "", "wait_for_completion": False}

    def _does(self, context: Context) -> Provider:
        return Provider(delete_snapshot=partial(self._delete, context))

    def _delete(self, context: Context, identifier: str) -> None:
        self.db_snapshot_identifier = identifier
        RdsDeleteDbSnapshotOperator.execute(self, context)


class WaitForInstance(_Waits, RdsDbSensor):
    """Wait until a restored instance can be used."""

    made_with: ClassVar = {"db_identifier": "", "mode": "reschedule"}

    def _does(self, context: Context) -> Provider:
        return Provider(instance_available=partial(self._available, context))

    def _available(self, context: Context, identifier: str) -> bool:
        self.db_identifier = identifier
        return bool(RdsDbSensor.poke(self, context))


class DeleteInstance(_Changes, RdsDeleteDbInstanceOperator):
    """Begin to delete the instance that a run made for itself, with RDS's own backups of it."""

    made_with: ClassVar = {
        "db_instance_identifier": "",
        "rds_kwargs": {"SkipFinalSnapshot": True, "DeleteAutomatedBackups": True},
        "wait_for_completion": False,
        "deferrable": False,
    }

    def _does(self, context: Context) -> Provider:
        return Provider(delete_instance=partial(self._delete, context))

    def _delete(self, context: Context, identifier: str, region: str) -> None:
        self.db_instance_identifier, self.region_name = identifier, region
        RdsDeleteDbInstanceOperator.execute(self, context)
