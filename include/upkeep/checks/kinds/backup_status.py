"""Whether the backups that the policies promise are there, whole, encrypted and of plausible size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from upkeep.catalog.models.backups import (
    BackupPolicy,
    BinlogSource,
    GitExport,
    PgBackRestStanza,
    RdsSnapshots,
    Replica,
    S3Objects,
)
from upkeep.checks.backup_listing import backups_of, objects_that_matter
from upkeep.checks.backup_names import StoredObject
from upkeep.checks.backups import Backup, PolicyReview
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.measured import metric_check
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.series import check_name
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding

_HEADS_MOST = 20
"""Objects of one backup whose encryption is looked at, the largest first."""
_BACKUPS_LOOKED_AT = 3
"""The newest may not be finished: then the one before is judged. Older ones are not asked of S3."""


class BackupStatusParameters(Parameters):
    """Which backups."""

    policies: tuple[str, ...] = ()
    """Names of the system's backup policies; by default all."""


@register("backup_status", reads=Reads.PRESENT, parameters=BackupStatusParameters)
def backup_status(context: CheckContext, parameters: BackupStatusParameters) -> Iterable[Check]:
    """Backups: there by schedule and grace, complete, encrypted as promised, of plausible size; RPO in reach.

    A replica is judged by the metric of its lag.
    """
    for name, policy in choose(context.system.backups, parameters.policies, "backup policy").items():
        if isinstance(policy.location, Replica):
            choose(context.system.metrics, [policy.location.metric], "metric")
            yield metric_check(context, policy.location.metric)
        else:
            question = _Question(context, name, policy)
            yield Check(name=question.check, source=question.source, present=True, ask=question.ask)


@dataclass(frozen=True)
class _Question:
    """One policy as of one moment."""

    context: CheckContext
    name: str
    policy: BackupPolicy

    @property
    def check(self) -> str:
        return check_name("backup", {"policy": self.name})

    @property
    def source(self) -> str:
        location = self.policy.location
        if isinstance(location, RdsSnapshots):
            return f"rds: snapshots of {location.instance}"
        if isinstance(location, S3Objects):
            return f"s3://{location.bucket}/{location.prefix}"
        if isinstance(location, PgBackRestStanza):
            return f"pgbackrest: {location.stanza}"
        return f"git: {location.repository}" if isinstance(location, GitExport) else "prometheus"

    def ask(self) -> Sequence[Finding]:
        """List the backups and judge them."""
        location, zone = self.policy.location, self.context.system.timezone
        if isinstance(location, RdsSnapshots):
            backups = self._snapshots(location)
        elif isinstance(location, PgBackRestStanza) or isinstance(self.policy.source, BinlogSource):
            backups = self._copies()
        elif isinstance(location, S3Objects):
            backups = self._objects(location)
        else:
            raise ConfigurationError(
                f"nothing can look into the repository of the policy {self.name}: the export that writes it "
                "reports by itself; leave the policy out of this procedure's policies"
            )
        newest_first = sorted(backups, key=lambda b: b.made_at, reverse=True)
        review = PolicyReview(self.name, self.policy, zone, self.context.as_of, self.source, newest_first)
        return review.findings()

    def _client(self, service: str, connection: str) -> Any:
        known = self.context.system.connections.get("aws")
        if known is not None and known != connection:
            raise ConfigurationError(
                f"the policy {self.name} names the connection {connection}, the system has {known} for aws"
            )
        return self.context.clients.aws(service)

    def _snapshots(self, location: RdsSnapshots) -> list[Backup]:
        from upkeep.clients.aws import rds_snapshots

        client = self._client("rds", location.connection)
        return [
            Backup(
                id=one.id,
                # One without a time is being made this moment.
                made_at=one.created_at or self.context.as_of,
                size_bytes=float(one.allocated_bytes),
                encryption="aws:kms" if one.encrypted else "none",
                problems=[]
                if one.status == "available"
                else [f"{one.status}, {one.progress_percent} % done"],
                evidence={"status": one.status, "engine": one.engine, "kind": one.kind},
            )
            for one in rds_snapshots(client, location.instance)
            if one.id.startswith(location.name_prefix or "")
        ]

    def _copies(self) -> list[Backup]:
        """Return what the policy's own method lists: no list of files tells what is whole."""
        from upkeep.backups.methods import making

        context = self.context
        made = making(context.system_id, context.system, context.clients, self.name).method.copies()
        return [
            Backup(
                id=one.name,
                made_at=one.started_at,
                # An incremental backup has what changed: what counts is what it is a backup of.
                size_bytes=one.facts.get("database_bytes", one.bytes),
                encryption=one.encryption,
                problems=one.problems,
                evidence={"reference": one.reference},
            )
            for one in made
        ]

    def _objects(self, location: S3Objects) -> list[Backup]:
        from upkeep.clients.aws import s3_objects

        client, zone = self._client("s3", location.connection), self.context.system.timezone

        def listing(prefix: str) -> Iterator[StoredObject]:
            for one in s3_objects(client, location.bucket, prefix):
                if not one.key.endswith("/"):  # a folder that a console made
                    yield StoredObject(one.key, one.size_bytes, one.modified_at)

        found = objects_that_matter(listing, location.prefix, self.policy, zone, self.context.as_of)
        backups = backups_of(found, zone)
        looked_at: list[Backup] = []
        for backup, objects in backups[:_BACKUPS_LOOKED_AT]:
            way = self._encryption(client, location.bucket, objects)
            looked_at.append(replace(backup, encryption=way))
            if not backup.problems:
                break  # this one is judged, if not one before
        return looked_at + [backup for backup, _ in backups[len(looked_at) :]]

    def _encryption(self, client: Any, bucket: str, objects: Sequence[StoredObject]) -> str | None:
        """Return how a backup's data is encrypted: as promised only if every object is."""
        data = sorted((one for one in objects if not one.is_marker), key=lambda one: -one.size_bytes)
        ways = {self._way(client, bucket, one.key) for one in data[:_HEADS_MOST]}
        for way in ("none", None):
            if way in ways:
                return way
        return next(
            iter(sorted(ways - {self.policy.encryption}, key=str)), self.policy.encryption if ways else None
        )

    def _way(self, client: Any, bucket: str, key: str) -> str | None:
        from upkeep.clients.aws import s3_head

        head = s3_head(client, bucket, key)
        if self.policy.encryption in ("aws:kms", "AES256", "none"):
            return head.encryption or "none"
        # The writer encrypted it: S3 sees that only by the name or by what the writer attached.
        if key.endswith(f".{self.policy.encryption}"):
            return self.policy.encryption
        return head.metadata.get("encryption")
