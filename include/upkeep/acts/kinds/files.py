"""Recovery of files, and its drill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from upkeep.acts.choosing import CHOICE, chosen
from upkeep.acts.kinds.policies import BackupParameters
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.files import ResticFiles
from upkeep.backups.methods import making
from upkeep.errors import ConfigurationError
from upkeep.recoveries.files import FilesRecovery


def from_copy(act: Act, parameters: BackupParameters) -> FilesRecovery:
    """Return the recovery of the copy that the form names, or the latest that is proven."""
    way = making(act.system_id, act.system, act.clients, parameters.policy)
    if not isinstance(way.method, ResticFiles):
        raise ConfigurationError(f"{parameters.policy!r} is no policy of {act.system.title} for a folder")
    backup = chosen(act, parameters.policy)
    return FilesRecovery(
        method=way.method,
        copy=backup.copy,
        title=way.policy.title,
        folder=act.clients.folder() / f"restored-{parameters.policy.replace('_', '-')}-{act.label}",
        keep=bool(act.form.get("keep")),
        backup_id=backup.id,
    )


def _fields(system: Any, parameters: BackupParameters) -> Sequence[FormField]:  # noqa: ARG001
    keep = "Whether the restored folder stays when the run is over."
    return [CHOICE, FormField("keep", "Keep it", keep, type="boolean", default=True)]


register_recovery(
    "restore_files",
    "Restore files into a folder of their own, beside those that are in use.",
    parameters=BackupParameters,
    make=from_copy,
    fields=_fields,
)
register_recovery(
    "drill_files",
    "Rehearse the restore of the latest proven copy of files, and remove it.",
    parameters=BackupParameters,
    make=from_copy,
    drill=True,
)
