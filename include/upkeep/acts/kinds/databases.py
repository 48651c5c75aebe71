"""Recovery of a database from a dump, and its drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from upkeep.acts.choosing import CHOICE, chosen
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.model import Copy
from upkeep.catalog.models.backups import BackupPolicy, DatabaseSource, S3Objects
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.databases import DatabaseRecovery


class DumpParameters(Parameters):
    """Which dumps are restored."""

    policy: str
    """A backup policy whose source is a database."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve that the database is replaced."""


def from_dump(act: Act, parameters: DumpParameters) -> DatabaseRecovery:
    """Return the recovery of the dump that the form names, or the latest that is proven."""
    policy = act.system.backups.get(parameters.policy)
    dumped = policy is not None and isinstance(policy.location, S3Objects)
    if policy is None or not dumped or not isinstance(policy.source, DatabaseSource):
        raise ConfigurationError(
            f"{parameters.policy!r} is no policy of {act.system.title} that dumps a database"
        )
    backup = chosen(act, parameters.policy)
    target = act.form.get("target") or f"restored_{act.label.replace('-', '_')}"
    found = database_recovery(act, policy, backup.copy, target, parameters.approvals)
    return replace(found, backup_id=backup.id)


def database_recovery(
    act: Act, policy: BackupPolicy, copy: Copy, target: str, approvals: int
) -> DatabaseRecovery:
    """Return the recovery of a dump into the new database `target`, as the form has it.

    Raises ConfigurationError where the policy dumps no database.
    """
    if not isinstance(policy.source, DatabaseSource):
        raise ConfigurationError(f"{policy.title} dumps no database")
    database = act.system.resources.databases[policy.source.name]
    key = act.clients.backup_key() if copy.encryption == "age" else None
    in_place = bool(act.form.get("in_place"))
    return DatabaseRecovery(
        client=act.clients.aws("s3"),
        copy=copy,
        policy=policy,
        server=act.clients.database("restore"),
        target=target,
        keep=bool(act.form.get("keep")),
        original=act.clients.database(database.engine).database if in_place else None,
        approvals=approvals,
        identities=(key.opening(),) if key else (),
    )


def _fields(system: Any, parameters: DumpParameters) -> Sequence[FormField]:  # noqa: ARG001
    return [
        CHOICE,
        FormField(
            "target", "New database", "Its name; by default one that follows from the run.", default=""
        ),
        FormField(
            "in_place",
            "In place",
            "Once verified it takes the name of the database; what that was is kept. Needs approval.",
            type="boolean",
            default=False,
        ),
        FormField(
            "keep",
            "Keep it",
            "Whether the new database stays when the run is over.",
            type="boolean",
            default=True,
        ),
    ]


register_recovery(
    "restore_dump",
    "Restore a dump into a new database, verify it, and put it in the place of the old one if asked.",
    parameters=DumpParameters,
    make=from_dump,
    fields=_fields,
)
register_recovery(
    "drill_dump",
    "Rehearse the restore of the latest proven dump into a database of its own, verify and drop it.",
    parameters=DumpParameters,
    make=from_dump,
    drill=True,
)
