"""Recovery of a repository from a git bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from upkeep.acts.choosing import CHOICE, chosen
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.files.bundles import GitBundles
from upkeep.backups.methods import making
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.git import GitRecovery

FOLDER, BRANCH, IN_PLACE = "folder", "new branch", "in place"


class BundleParameters(Parameters):
    """Which bundles are restored."""

    policy: str
    """A backup policy whose source is `git` and whose location is a bucket."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve that the branch is replaced."""


def from_bundle(act: Act, parameters: BundleParameters) -> GitRecovery:
    """Return the recovery of the bundle that the form names, or of the latest that is proven."""
    way = making(act.system_id, act.system, act.clients, parameters.policy)
    if not isinstance(way.method, GitBundles):
        raise ConfigurationError(f"{parameters.policy!r} is no policy of {act.system.title} for git bundles")
    backup = chosen(act, parameters.policy)
    into = act.form.get("into") or FOLDER
    name = f"restored-{parameters.policy.replace('_', '-')}-{act.label}.git"
    return GitRecovery(
        method=way.method,
        copy=backup.copy,
        title=way.policy.title,
        label=act.label,
        folder=act.clients.folder() / name if into == FOLDER else None,
        in_place=into == IN_PLACE,
        keep=bool(act.form.get("keep")),
        approvals=parameters.approvals,
        backup_id=backup.id,
    )


def _fields(system: Any, parameters: BundleParameters) -> Sequence[FormField]:  # noqa: ARG001
    into = (
        f"'{FOLDER}': all of it as a new bare repository on the worker. '{BRANCH}': the policy's branch as a "
        f"new one of the remote. '{IN_PLACE}': the branch itself then leads there, and what it was is kept. "
        "Needs approval."
    )
    keep = "Whether what is new stays when the run is over."
    return [
        CHOICE,
        FormField("into", "Into", into, default=FOLDER, choices=(FOLDER, BRANCH, IN_PLACE)),
        FormField("keep", "Keep it", keep, type="boolean", default=True),
    ]


register_recovery(
    "restore_bundle",
    "Restore a git bundle into a new bare repository, a new branch, or in the branch's place.",
    parameters=BundleParameters,
    make=from_bundle,
    fields=_fields,
)
