"""Recovery of a whole system from one backup of several parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from upkeep.acts.choosing import CHOICE, chosen
from upkeep.acts.kinds.databases import database_recovery
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.files import ResticFiles
from upkeep.backups.files.bundles import GitBundles
from upkeep.backups.kubernetes.wanted import Target
from upkeep.backups.methods import making
from upkeep.backups.model import Copy, Method
from upkeep.backups.parts import Parts, copies_of
from upkeep.catalog.models.backups import (
    BackupPolicy,
    DatabaseSource,
    FolderSource,
    GitSource,
    NamespaceSource,
    PartsSource,
    VolumesSource,
)
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.databases import DatabaseRecovery
from upkeep.recoveries.files import FilesRecovery
from upkeep.recoveries.git import GitRecovery
from upkeep.recoveries.model import Recovery
from upkeep.recoveries.namespaces import NamespaceRecovery
from upkeep.recoveries.parts import PartsRecovery
from upkeep.recoveries.volumes import VolumesRecovery

ORDER = (NamespaceSource, VolumesSource, DatabaseSource, FolderSource, GitSource)
"""Of restoring: what others need first."""

LONGEST_PART = 20
"""Characters of a part's name in the names of databases, which have 63 in all."""


class PartsParameters(Parameters):
    """Which backups are restored."""

    policy: str
    """A backup policy whose source is `parts`."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve that something in use is changed."""
    image: str = "registry.k8s.io/pause:3.10"
    """Of the pod that mounts each claim which is restored beside its own."""
    wait_seconds: float = Field(default=300, gt=0)
    """For claims to be bound, and for rollouts."""


@dataclass(frozen=True)
class _Part:
    """One part of the copy that is restored. volumes: of the same copy, which the namespace's claims take."""

    act: Act
    parameters: PartsParameters
    name: str
    policy: BackupPolicy
    method: Method
    copy: Copy
    volumes: Copy | None


def from_parts(act: Act, parameters: PartsParameters) -> PartsRecovery:
    """Return the recovery of the backup that the form names, or of the latest that is proven."""
    way = making(act.system_id, act.system, act.clients, parameters.policy)
    if not isinstance(way.method, Parts):
        raise ConfigurationError(f"{parameters.policy!r} is no policy of {act.system.title} with parts")
    backup = chosen(act, parameters.policy)
    copies, policies = copies_of(backup.copy), act.system.backups
    if missing := sorted(way.method.parts.keys() ^ copies.keys()):
        raise ConfigurationError(f"{backup.copy.name} and the policy differ in {', '.join(missing)}")
    kinds = {name: type(policies[name].source) for name in copies}
    whole = NamespaceSource in kinds.values()
    volumes = next((copies[name] for name, kind in kinds.items() if kind is VolumesSource), None)
    parts = {}
    for name in sorted(copies, key=lambda name: ORDER.index(kinds[name])):
        if kinds[name] is VolumesSource and whole:
            continue  # the namespace's claims are filled from it
        part = _Part(act, parameters, name, policies[name], way.method.parts[name], copies[name], volumes)
        parts[name] = _BY_SOURCE[kinds[name]](part)
    return PartsRecovery(
        copy=backup.copy,
        title=way.policy.title,
        parts=parts,
        approvals=parameters.approvals,
        backup_id=backup.id,
    )


def _database(part: _Part) -> DatabaseRecovery:
    target = f"restored_{part.name[:LONGEST_PART]}_{part.act.label.replace('-', '_')}"
    return database_recovery(part.act, part.policy, part.copy, target, part.parameters.approvals)


def _namespace(part: _Part) -> NamespaceRecovery:
    clients = part.act.clients
    return NamespaceRecovery(
        api=clients.kubernetes().api,
        s3=clients.aws("s3"),
        copy=part.copy,
        identity=clients.backup_key().opening(),
        target=Target(str(part.copy.facts["namespace"])),
        wait_seconds=part.parameters.wait_seconds,
        volumes=part.volumes,
    )


def _volumes(part: _Part) -> VolumesRecovery:
    return VolumesRecovery(
        api=part.act.clients.kubernetes().api,
        copy=part.copy,
        title=part.policy.title,
        label=part.act.label,
        image=part.parameters.image,
        keep=_keep(part),
        wait_seconds=part.parameters.wait_seconds,
    )


def _files(part: _Part) -> FilesRecovery:
    if not isinstance(part.method, ResticFiles):
        raise ConfigurationError(f"{part.name}: its copies are not restic's")
    return FilesRecovery(
        method=part.method,
        copy=part.copy,
        title=part.policy.title,
        folder=_folder(part),
        keep=_keep(part),
    )


def _bundle(part: _Part) -> GitRecovery:
    if not isinstance(part.method, GitBundles):
        raise ConfigurationError(f"{part.name}: its copies are no bundles")
    return GitRecovery(
        method=part.method,
        copy=part.copy,
        title=part.policy.title,
        label=part.act.label,
        folder=_folder(part).with_suffix(".git"),
        keep=_keep(part),
    )


def _folder(part: _Part) -> Path:
    return part.act.clients.folder() / f"restored-{part.name.replace('_', '-')}-{part.act.label}"


def _keep(part: _Part) -> bool:
    return bool(part.act.form.get("keep"))


_BY_SOURCE: dict[type, Callable[[_Part], Recovery]] = {
    NamespaceSource: _namespace,
    VolumesSource: _volumes,
    DatabaseSource: _database,
    FolderSource: _files,
    GitSource: _bundle,
}


def _fields(system: Any, parameters: PartsParameters) -> Sequence[FormField]:
    source = system.backups[parameters.policy].source
    kinds = (
        [system.backups[name].source for name in source.policies] if isinstance(source, PartsSource) else []
    )
    keep = "Whether what is restored beside that in use stays when the run is over."
    in_place = "Once all is verified, the restored database takes the name of the old one, which is kept."
    fields = [CHOICE, FormField("keep", "Keep it", keep, type="boolean", default=True)]
    if any(isinstance(one, DatabaseSource) for one in kinds):
        fields.append(FormField("in_place", "In place", in_place, type="boolean", default=False))
    return fields


register_recovery(
    "restore_parts",
    "Restore a whole system from one backup: every part by its own way, under one plan.",
    parameters=PartsParameters,
    make=from_parts,
    fields=_fields,
)
