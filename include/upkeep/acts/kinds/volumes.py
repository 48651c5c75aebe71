"""Recovery of volumes from snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from upkeep.acts.choosing import CHOICE, chosen
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.catalog.models.backups import VolumesSource
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.volumes import VolumesRecovery


class VolumesParameters(Parameters):
    """Which snapshots are restored."""

    policy: str
    """A backup policy whose source is `volumes`."""
    image: str = "registry.k8s.io/pause:3.10"
    """Of the pod that mounts each new claim."""
    wait_seconds: float = Field(default=300, gt=0)
    """For a snapshot whose object is gone to be ready again."""


def from_snapshots(act: Act, parameters: VolumesParameters) -> VolumesRecovery:
    """Return the recovery of the snapshots that the form names, or the latest that are proven."""
    policy = act.system.backups.get(parameters.policy)
    if policy is None or not isinstance(policy.source, VolumesSource):
        raise ConfigurationError(f"{parameters.policy!r} is no policy of {act.system.title} for volumes")
    backup = chosen(act, parameters.policy)
    return VolumesRecovery(
        api=act.clients.kubernetes().api,
        copy=backup.copy,
        title=policy.title,
        label=act.label,
        image=parameters.image,
        only=act.form.get("claim") or None,
        keep=bool(act.form.get("keep")),
        wait_seconds=parameters.wait_seconds,
        backup_id=backup.id,
    )


def _fields(system: Any, parameters: VolumesParameters) -> Sequence[FormField]:  # noqa: ARG001
    keep = "Whether the new claims stay when the run is over."
    return [
        CHOICE,
        FormField("claim", "Claim", "One of them; left empty, all of the backup.", default=""),
        FormField("keep", "Keep it", keep, type="boolean", default=True),
    ]


register_recovery(
    "restore_volumes",
    "Restore volume snapshots into new claims, beside those that are in use, and mount each.",
    parameters=VolumesParameters,
    make=from_snapshots,
    fields=_fields,
)
