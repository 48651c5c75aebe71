"""Backups of an RDS instance as manual snapshots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.provider import WORKER, Provider
from upkeep.backups.rds.calls import (
    BEGUN,
    ENDED,
    HELD,
    KIND,
    NAME,
    POLICY,
    RESOURCE,
    SOURCE,
    aws_acts,
    error_code,
    instant,
    now,
    tag_list,
    tag_value,
    tags_of,
)
from upkeep.backups.rds.names import snapshot_id
from upkeep.backups.rds.rows import (
    Promise,
    copy_of,
    instance_row,
    is_ours,
    problems_of,
    snapshot_row,
    snapshot_rows,
)
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

_CAN_BE_SNAPSHOT = {"available", "storage-optimization"}
_BROKEN = {"failed", "incompatible-restore"}


@dataclass(frozen=True)
class RdsSnapshots:
    """Manual snapshots of one instance, made under one policy (upkeep.backups.model.Method).

    client: boto3's `rds`. prefix: of the identifiers; the policy's name without it. provider: makes,
    awaits and deletes; what it is told to was looked at here first.

    A snapshot is ours if its tags name the policy. One that is not encrypted is made all the same where the
    instance is not encrypted, and its problems say so: no backup would be worse.
    """

    client: Any
    promise: Promise
    prefix: str = ""
    poll_seconds: float = 30
    timeout_seconds: float = 4 * 3600
    provider: Provider = WORKER

    def __post_init__(self) -> None:
        """Refuse a promise that RDS cannot keep."""
        if self.promise.encryption not in ("aws:kms", "none"):
            raise ConfigurationError(
                f"policy {self.promise.policy}: RDS encrypts with KMS or not at all, not with "
                f"{self.promise.encryption}; write encryption: aws:kms"
            )

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished, whatever is wrong with it."""
        row = snapshot_row(self.client, self._id(name))
        if row is None or row.get("Status") != "available":
            return None
        return self._copy(row)

    def begin(self, name: str) -> str:
        """Begin the snapshot of this name and return its identifier, at once; one that is there is kept.

        One of ours that failed is deleted and begun again. Raises TemporaryError while the instance is in a
        state in which RDS takes no snapshot, PermanentError if the identifier is taken by something foreign.
        """
        identifier = self._id(name)
        row = snapshot_row(self.client, identifier)
        if row is not None:
            self._must_be_ours(row, name)
            if row.get("Status") not in _BROKEN:
                return identifier
            self._delete(identifier)
            raise TemporaryError(f"RDS snapshot {identifier} had failed and is being deleted; begin again")
        return self._create(identifier, name)

    def ready(self, name: str) -> Copy | None:
        """Return the copy of this name, None while RDS makes it; call it after `begin`.

        Notes in a tag when it was first seen finished. Raises PermanentError if it failed or is not there.
        """
        identifier = self._id(name)
        with aws_acts(f"RDS snapshot {identifier}"):
            available = self.provider.snapshot_available(identifier)
        row = snapshot_row(self.client, identifier)
        if row is None:
            raise NotFoundError(f"RDS snapshot {identifier} is not there; begin it first")
        self._must_be_ours(row, name)
        if row.get("Status") in _BROKEN:
            raise PermanentError(f"RDS snapshot {identifier}: {row['Status']}; begin it again")
        if not available:
            return None
        if ENDED not in tags_of(row):
            ended = tag_list({ENDED: instant(now())})
            with aws_acts(f"RDS snapshot {identifier}"):
                self.client.add_tags_to_resource(ResourceName=row["DBSnapshotArn"], Tags=ended)
            row["TagList"] = [*(row.get("TagList") or []), *ended]
        return self._copy(row)

    def make(self, name: str) -> Copy:
        """Make the copy of this name and wait until it is there: for a worker that may wait.

        Raises TemporaryError after `timeout_seconds`; a repeat goes on waiting for the same snapshot.
        """
        self.begin(name)
        until = time.monotonic() + self.timeout_seconds
        while (copy := self.ready(name)) is None:
            if time.monotonic() >= until:
                raise TemporaryError(
                    f"RDS snapshot {self._id(name)} is not done after {self.timeout_seconds:.0f} s; try again"
                )
            time.sleep(self.poll_seconds)
        return copy

    def copies(self) -> Iterator[Copy]:
        """Yield the policy's snapshots and RDS's automated ones (`facts["kind"]`), not other manual ones."""
        source = instance_row(self.client, self.promise.instance)
        for row in snapshot_rows(self.client, self.promise.instance):
            if row.get("SnapshotType") == "automated" or is_ours(row, self.promise.policy):
                yield copy_of(row, self.promise, source)

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete snapshots that were made under this policy; one that is gone is no error.

        Raises PermanentError, before anything is deleted, if one is held, automated or foreign.
        """
        held = [copy.reference for copy in copies if copy.held]
        if held:
            raise PermanentError(f"held or automated snapshots are not deleted: {', '.join(held)}")
        rows = [row for copy in copies if (row := snapshot_row(self.client, copy.reference))]
        foreign = [row["DBSnapshotIdentifier"] for row in rows if not self._deletable(row)]
        if foreign:
            raise PermanentError(
                f"snapshots that were not made under {self.promise.policy}, or are held by now, are not "
                f"deleted: {', '.join(foreign)}"
            )
        for row in rows:
            if row.get("Status") != "deleting":
                self._delete(row["DBSnapshotIdentifier"])

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Ask RDS for the snapshot again, and judge it: it is there, finished, encrypted, of our database.

        RDS shows no checksums: the next level is a restore. It is asked whatever was proven `before`, for it
        costs one call and a snapshot can vanish.
        """
        del before
        row = snapshot_row(self.client, copy.reference)
        if row is None:
            return [Proof(Level.EXISTS, now(), [f"snapshot {copy.reference} is not there"])]
        source = instance_row(self.client, self.promise.instance)
        evidence = dict(copy_of(row, self.promise, source).facts)
        problems = problems_of(row, self.promise, source)
        if copy.facts.get("kind") != "automated" and not is_ours(row, self.promise.policy):
            problems.append(f"snapshot {copy.reference}: it was not made under {self.promise.policy}")
        return [
            Proof(Level.EXISTS, now(), (), {"snapshot": row.get("DBSnapshotArn")}),
            Proof(Level.COMPLETE, now(), problems, evidence),
        ]

    def _id(self, name: str) -> str:
        """Return the identifier of a name; an automated snapshot's name is its identifier."""
        return name if name.startswith("rds:") else snapshot_id(self.prefix or self.promise.policy, name)

    def _copy(self, row: dict[str, Any]) -> Copy:
        copy = copy_of(row, self.promise, instance_row(self.client, self.promise.instance))
        if copy.facts["kind"] == "automated" or is_ours(row, self.promise.policy):
            return copy
        foreign = f"snapshot {copy.reference}: it was not made under {self.promise.policy}"
        return replace(copy, problems=(*copy.problems, foreign))

    def _create(self, identifier: str, name: str) -> str:
        instance = self.promise.instance
        source = instance_row(self.client, instance)
        if source is None:
            raise NotFoundError(f"RDS instance {instance} is not there: nothing to take a snapshot of")
        if source.get("DBInstanceStatus") not in _CAN_BE_SNAPSHOT:
            raise TemporaryError(f"RDS instance {instance} is {source.get('DBInstanceStatus')}; try again")
        tags = {
            KIND: "backup",
            POLICY: self.promise.policy,
            NAME: name,
            SOURCE: instance,
            RESOURCE: source.get("DbiResourceId"),
            BEGUN: instant(now()),
        }
        try:
            with aws_acts(f"RDS snapshot {identifier} of {instance}"):
                self.provider.create_snapshot(instance, identifier, tag_list(tags))
        except PermanentError as e:
            # Our own request, repeated by botocore after its answer was lost, or another attempt's.
            if error_code(e) != "DBSnapshotAlreadyExists":
                raise
            self._must_be_ours(snapshot_row(self.client, identifier) or {}, name)
        return identifier

    def _must_be_ours(self, row: dict[str, Any], name: str) -> None:
        if not is_ours(row, self.promise.policy) or tags_of(row).get(NAME) != tag_value(name):
            raise PermanentError(
                f"RDS snapshot {self._id(name)} is there and was not made by {self.promise.policy} under the "
                f"name {name}; it is left alone: rename or delete it"
            )
        if str(row.get("DBInstanceIdentifier")).lower() != self.promise.instance.lower():
            raise PermanentError(
                f"RDS snapshot {self._id(name)} is of the wrong database: of "
                f"{row.get('DBInstanceIdentifier')}, not of {self.promise.instance}; delete it"
            )

    def _deletable(self, row: dict[str, Any]) -> bool:
        return is_ours(row, self.promise.policy) and HELD not in tags_of(row)

    def _delete(self, identifier: str) -> None:
        try:
            with aws_acts(f"RDS snapshot {identifier}"):
                self.provider.delete_snapshot(identifier)
        except NotFoundError:
            pass
