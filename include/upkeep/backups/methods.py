"""From a policy of the catalog to what carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from upkeep.backups.databases import base_backups, binlogs, dumps
from upkeep.backups.model import Awaited, Copy, Level, Method, Prepared
from upkeep.backups.policy_of import PolicyOf
from upkeep.backups.provider import WORKER, Provider
from upkeep.catalog.models.backups import (
    BackupPolicy,
    BinlogSource,
    DatabaseSource,
    FolderSource,
    GitExport,
    GitSource,
    NamespaceSource,
    PartsSource,
    PgBackRestStanza,
    RdsSnapshots,
    S3Objects,
    VolumesSource,
)
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.checks.context import Clients


@dataclass(frozen=True)
class Making:
    """A policy and its method. where: the copies are, for messages."""

    name: str
    policy: BackupPolicy
    method: Method
    where: str
    zone: str

    def begin(self, name: str) -> Copy | None:
        """Make the copy of a name and return it; None where it was only begun, and somebody else makes it."""
        if isinstance(self.method, Awaited):
            self.method.begin(name)
            return None
        if isinstance(self.method, Prepared):
            self.method.initialise()
        return self.method.make(name)

    def ready(self, name: str) -> Copy | None:
        """Return the copy of a name once it is finished. Raises PermanentError where it failed."""
        return self.method.ready(name) if isinstance(self.method, Awaited) else self.method.find(name)


def provable(policy: BackupPolicy) -> Level:
    """Return the level that an examination without a restore can prove: nobody sees a snapshot's bytes."""
    opaque = policy.method in ("rds_snapshot", "volume_snapshot")
    return Level.COMPLETE if opaque else Level.CHECKSUMS


def making(
    system_id: str,
    system: System,
    clients: Clients,
    policy_name: str,
    provider: Provider = WORKER,
) -> Making:
    """Return a policy with its method. Raises ConfigurationError where the catalog does not say enough.

    provider: what the operator of the task does, where it is one of a provider's.
    """
    policy = system.backups.get(policy_name)
    if policy is None:
        raise ConfigurationError(
            f"{system.title} has no backup policy {policy_name!r}; there are {', '.join(system.backups)}"
        )
    method, where = _method(PolicyOf(system_id, system, clients, policy_name, policy, provider))
    return Making(policy_name, policy, method, where, system.timezone)


def _method(of: PolicyOf) -> tuple[Method, str]:
    location, source = of.policy.location, of.policy.source
    if isinstance(location, RdsSnapshots):
        return _rds(of, location), f"rds:{location.instance}"
    if isinstance(location, GitExport):
        return _git(of), location.repository
    if isinstance(location, PgBackRestStanza):
        return base_backups(of, location), f"pgbackrest:{location.stanza}"
    if isinstance(source, VolumesSource):
        return _volumes(of, source), f"volume snapshots of {of.namespace}"
    if isinstance(location, S3Objects):
        prefix = _repository(of) if isinstance(source, FolderSource) else location.prefix
        return _stored(of, location), f"s3://{location.bucket}/{prefix}"
    raise _unclear(of)


def _stored(of: PolicyOf, location: S3Objects) -> Method:
    source = of.policy.source
    if isinstance(source, DatabaseSource):
        return dumps(of, location, source)
    if isinstance(source, BinlogSource):
        return binlogs(of, location, source)
    if isinstance(source, NamespaceSource):
        return _export(of, location, source)
    if isinstance(source, FolderSource):
        return _files(of, location, source)
    if isinstance(source, GitSource):
        return _bundles(of, location, source)
    if isinstance(source, PartsSource):
        return _parts(of, location, source)
    raise _unclear(of)


def _unclear(of: PolicyOf) -> ConfigurationError:
    return ConfigurationError(
        f"backups.{of.name}: its 'source' does not say what to read; see `upkeep catalog schema`"
    )


def _rds(of: PolicyOf, location: RdsSnapshots) -> Method:
    from upkeep.backups.rds.rows import Promise
    from upkeep.backups.rds.snapshots import RdsSnapshots as Snapshots

    promise = Promise(
        instance=location.instance,
        policy=f"{of.system_id}/{of.name}",
        encryption=of.policy.encryption,
        smallest_bytes=of.policy.smallest_bytes or 1,
    )
    return Snapshots(of.clients.aws("rds"), promise, prefix=location.name_prefix or "", provider=of.provider)


def _export(of: PolicyOf, location: S3Objects, source: NamespaceSource) -> Method:
    from upkeep.backups.kubernetes.export import NamespaceExport
    from upkeep.backups.kubernetes.selection import CERTIFICATE, EVERYTHING, Selection

    selection = EVERYTHING
    if source.only:
        selection = Selection(tuple(source.only), None, CERTIFICATE in source.only)
    return NamespaceExport(
        api=of.clients.kubernetes().api,
        namespace=of.namespace,
        s3=of.clients.aws("s3"),
        bucket=location.bucket,
        prefix=location.prefix,
        recipients=(of.clients.backup_key().recipient,),
        selection=selection,
        extra=of.options,
    )


def _git(of: PolicyOf) -> Method:
    from upkeep.backups.kubernetes.git import GitConfiguration

    url, login = of.clients.git()
    return GitConfiguration(
        api=of.clients.kubernetes().api,
        namespace=of.namespace,
        url=url,
        recipients=(of.clients.backup_key().recipient,),
        login=login,
    )


def _bundles(of: PolicyOf, location: S3Objects, source: GitSource) -> Method:
    from upkeep.backups.files.bundles import GitBundles

    url, login = of.clients.git()
    return GitBundles(
        client=of.clients.aws("s3"),
        bucket=location.bucket,
        prefix=location.prefix,
        url=url,
        login=login,
        branch=source.branch,
        options=of.options,
    )


def _volumes(of: PolicyOf, source: VolumesSource) -> Method:
    from upkeep.backups.kubernetes.snapshots import VolumeSnapshots

    return VolumeSnapshots(
        api=of.clients.kubernetes().api,
        namespace=of.namespace,
        policy=of.name.replace("_", "-"),
        labels=source.selector or None,
        snapshot_class=source.snapshot_class,
    )


def _files(of: PolicyOf, location: S3Objects, source: FolderSource) -> Method:
    from upkeep.backups.files import Repository, ResticFiles, S3Packs

    prefix = _repository(of)
    place = of.clients.restic(location.bucket, prefix)
    repository = Repository(
        location=place.location, password_file=place.password_file, environment=place.environment
    )
    return ResticFiles(
        repository=repository,
        packs=S3Packs(of.clients.aws("s3"), location.bucket, prefix),
        source=f"{of.system_id}/{of.name}",
        paths=(of.clients.folder() / source.path.lstrip("/"),),
        at_rest=False,
    )


def _repository(of: PolicyOf) -> str:
    """Return where the repository is: beside the prefix of what else is stored, for packs are no backups."""
    return f"restic/{of.name}"


def _parts(of: PolicyOf, location: S3Objects, source: PartsSource) -> Method:
    from upkeep.backups.parts import Parts

    parts = {}
    for part in source.policies:
        policy = of.system.backups.get(part)
        if policy is None or isinstance(policy.source, PartsSource):
            raise ConfigurationError(f"backups.{of.name}: {part!r} is no policy of its own")
        if isinstance(policy.location, S3Objects):
            # Its own copies, below this policy's prefix: the part's own retention does not touch them.
            inside = policy.location.model_copy(
                update={"bucket": location.bucket, "prefix": f"{location.prefix}{part}/"}
            )
            policy = policy.model_copy(update={"location": inside})
        method, _ = _method(replace(of, name=f"{of.name}_{part}", policy=policy))
        parts[part] = method
    return Parts(parts)
