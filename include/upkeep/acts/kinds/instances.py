"""Recoveries of RDS instances, and their drill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from upkeep.acts.choosing import CHOICE, chosen
from upkeep.acts.model import Act, By, ByFunction, FormField
from upkeep.acts.reaching import MomentParameters, Reach
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.rds.point_in_time import window
from upkeep.backups.rds.rows import Promise
from upkeep.backups.rds.target import Target
from upkeep.catalog.models.backups import BackupPolicy, RdsSnapshots
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.instances import InstanceRecovery

TARGET = FormField("target", "New instance", "The identifier of the instance to make.")
KEEP = FormField(
    "keep", "Keep it", "Whether the instance stays when the run is over.", type="boolean", default=True
)


INSTANCE_BY: dict[str, ByFunction] = {
    "ready": lambda *_: By.INSTANCE_SENSOR,
    "clean_up": lambda *_: By.INSTANCE_DELETION,
}
"""What does the stages of which the provider has an operator; it has none that restores."""


class SnapshotParameters(Parameters):
    """Which snapshots are restored."""

    policy: str
    """A backup policy whose location is `rds_snapshot`."""
    target: str
    """The new instance's identifier, by default; in a drill the only one."""


def from_snapshot(act: Act, parameters: SnapshotParameters) -> InstanceRecovery:
    """Return the recovery from the snapshot that the form names."""
    location, promise = _promise(act, parameters.policy)
    backup = chosen(act, parameters.policy)
    return InstanceRecovery(
        client=act.clients.aws("rds"),
        target=_target(act, parameters, location),
        keep=bool(act.form.get("keep")),
        policy=act.system.backups[parameters.policy],
        login=_login(act),
        copy=backup.copy,
        promise=promise,
        backup_id=backup.id,
        provider=act.provider,
    )


def instance_reach(
    act: Act, parameters: MomentParameters, policy: BackupPolicy, location: RdsSnapshots
) -> Reach:
    """Return how an instance is brought to a moment."""
    client = act.clients.aws("rds")

    def choices() -> list[str]:
        there = window(client, location.instance)
        return [f"from {there['earliest']}", f"to {there['latest']}"]

    def recovery(moment: datetime) -> InstanceRecovery:
        if not (act.form.get("target") or parameters.target):
            raise ConfigurationError(f"{policy.title}: name the instance to make, 'target'")
        return InstanceRecovery(
            client=client,
            target=_target(act, parameters, location),
            keep=bool(act.form.get("keep")),
            policy=policy,
            login=_login(act),
            moment=moment,
            provider=act.provider,
        )

    return Reach(
        lambda: datetime.fromisoformat(window(client, location.instance)["latest"]), choices, recovery
    )


def _promise(act: Act, policy_name: str) -> tuple[RdsSnapshots, Promise]:
    policy = act.system.backups.get(policy_name)
    if policy is None or not isinstance(policy.location, RdsSnapshots):
        raise ConfigurationError(f"{policy_name!r} is no policy of RDS snapshots of {act.system.title}")
    promise = Promise(
        instance=policy.location.instance,
        policy=f"{act.system_id}/{policy_name}",
        encryption=policy.encryption,
    )
    return policy.location, promise


def _target(act: Act, parameters: SnapshotParameters | MomentParameters, location: RdsSnapshots) -> Target:
    return Target(
        identifier=act.form.get("target") or parameters.target,
        name=act.label,
        source=location.instance,
        forbidden=(location.instance,),
        drill=not act.form.get("keep"),
    )


def _login(act: Act) -> DatabaseServer | None:
    """Return how to log in to a restored instance: as its source, at another address."""
    return act.clients.database("restore") if "restore" in act.system.connections else None


def _snapshot_fields(system: Any, parameters: SnapshotParameters) -> Sequence[FormField]:  # noqa: ARG001
    return [CHOICE, _named(parameters), KEEP]


def _named(parameters: SnapshotParameters) -> FormField:
    return FormField(TARGET.name, TARGET.title, TARGET.description, default=parameters.target)


register_recovery(
    "restore_snapshot",
    "Restore a snapshot of an RDS instance to a new instance.",
    parameters=SnapshotParameters,
    make=from_snapshot,
    by=INSTANCE_BY,
    fields=_snapshot_fields,
)
register_recovery(
    "drill_snapshot",
    "Rehearse the restore of the latest proven snapshot on an instance of its own, and remove it.",
    parameters=SnapshotParameters,
    make=from_snapshot,
    by=INSTANCE_BY,
    drill=True,
)
