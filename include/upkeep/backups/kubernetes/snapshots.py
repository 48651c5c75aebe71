"""Volume snapshots: one of each claim, ready, and kept although their namespace should go.

A snapshot object goes with its namespace, and takes the storage's snapshot with it. So once it is ready, its
contents are set to `Retain` and labelled: by these a lost namespace's volumes are found again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.kubernetes.applying import apply
from upkeep.backups.kubernetes.kinds import CLAIMS, SNAPSHOTS, Object, listed, name_of
from upkeep.backups.kubernetes.snapshotparts import CONTENTS, Part, parts, policy_label, snapshot_name
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.backups.model import Copy, Level, Proof
from upkeep.clients.answers import NotFoundError, child
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError, TemporaryError

MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class VolumeSnapshots:
    """Backs up the claims of a namespace; a Method.

    policy: its name, as a label. labels: a selector of claims. snapshot_class: the cluster's default
    without. seconds: how long the snapshots may take to be ready.
    """

    api: Api
    namespace: str
    policy: str
    labels: str | None = None
    snapshot_class: str | None = None
    seconds: float = 300

    def look(self) -> list[str]:
        """Return the claims that would be backed up. Only reads.

        Raises NotFoundError if the cluster has no snapshots, PermanentError if no claim is bound.
        """
        self.api.get(SNAPSHOTS.path(self.namespace), {"limit": 1})
        claims = [
            name_of(obj)
            for obj in listed(self.api, CLAIMS, self.namespace, self.labels)
            if child(obj, "status").get("phase") == "Bound"
        ]
        if not claims:
            raise PermanentError(f"{self.namespace}: no bound claim to take a snapshot of")
        return claims

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if all its snapshots are ready."""
        found = [copy for copy in self.copies() if copy.name == name and not copy.problems]
        return found[0] if found else None

    def make(self, name: str) -> Copy:
        """Take a snapshot of each claim, and wait until all are ready and will be kept."""
        if found := self.find(name):
            return found
        claims = self.look()
        for claim in claims:
            apply(self.api, SNAPSHOTS, self._snapshot(name, claim, claims))
        if left := wait_until_none(lambda: [*self._unready(name)], self.seconds):
            raise TemporaryError(f"{self.namespace}: not ready after {self.seconds:g} s: {'; '.join(left)}")
        for part in self._parts(name):
            self._keep(part)
        if copy := self.find(name):
            return copy
        raise TemporaryError(f"{self.namespace}: the snapshots of {name} are not complete yet: run again")

    def copies(self) -> Iterator[Copy]:
        """Yield the snapshots by backup, also those of which only the contents are left."""
        names = dict.fromkeys(part.backup for part in self._parts())
        for name in names:
            yield self._copy(name, [part for part in self._parts() if part.backup == name])

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete snapshots with their contents and the storage's own."""
        if held := [copy.name for copy in copies if copy.held]:
            raise PermanentError(f"{', '.join(held)}: under legal hold; nothing was deleted")
        names = {copy.name for copy in copies}
        for part in self._parts():
            if part.backup in names:
                self._remove(part)

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine whether all is there and ready. What is in a volume only a restore shows: no checksums."""
        del before
        now = datetime.now(UTC)
        found = [part for part in self._parts() if part.backup == copy.name]
        if not found:
            return [Proof(Level.EXISTS, now, [f"no snapshot of {copy.name} is there"])]
        again = self._copy(copy.name, found)
        ready = {part.claim: part.bytes for part in found}
        return [
            Proof(Level.EXISTS, now, (), {"snapshots": len(found)}),
            Proof(Level.COMPLETE, now, again.problems, {"bytes": ready}),
        ]

    def _parts(self, name: str | None = None) -> list[Part]:
        found = parts(self.api, self.namespace, self.policy)
        return [part for part in found if name is None or part.backup == name]

    def _unready(self, name: str) -> Iterator[str]:
        for part in self._parts(name):
            if not part.ready:
                yield f"{part.claim}: {part.problem or 'pending'}"

    def _snapshot(self, name: str, claim: str, claims: Sequence[str]) -> Object:
        spec: dict[str, Any] = {"source": {"persistentVolumeClaimName": claim}}
        if self.snapshot_class:
            spec["volumeSnapshotClassName"] = self.snapshot_class
        metadata: dict[str, Any] = {"name": snapshot_name(name, claim), "namespace": self.namespace}
        return {
            "apiVersion": SNAPSHOTS.api_version,
            "kind": SNAPSHOTS.kind,
            "metadata": metadata | self._marks(name, claim, claims),
            "spec": spec,
        }

    def _marks(self, name: str, claim: str, claims: Sequence[str]) -> dict[str, Any]:
        """Return the labels and annotations by which a snapshot and its contents are found again."""
        return {
            "labels": {
                "upkeep.io/policy": policy_label(self.policy),
                "upkeep.io/backup": hashlib.sha256(name.encode()).hexdigest()[:16],
            },
            "annotations": {
                "upkeep.io/backup-name": name,
                "upkeep.io/namespace": self.namespace,
                "upkeep.io/claim": claim,
                "upkeep.io/claims": json.dumps(sorted(claims)),
            },
        }

    def _keep(self, part: Part) -> None:
        """Let the contents outlive the snapshot object."""
        if not part.contents:
            return
        body = {
            "metadata": self._marks(part.backup, part.claim, part.claims),
            "spec": {"deletionPolicy": "Retain"},
        }
        self.api.send("PATCH", CONTENTS.path(None, part.contents), body, MERGE)

    def _remove(self, part: Part) -> None:
        """Delete one snapshot: with its contents set to go, whichever of both is left."""
        try:
            if part.contents:
                path = CONTENTS.path(None, part.contents)
                self.api.send("PATCH", path, {"spec": {"deletionPolicy": "Delete"}}, MERGE)
        except NotFoundError:
            pass  # the snapshot may be there without it
        kind, name = (SNAPSHOTS, part.snapshot) if part.snapshot else (CONTENTS, part.contents)
        if name is None:
            return
        try:
            self.api.send("DELETE", kind.path(self.namespace, name))
        except NotFoundError:
            return

    def _copy(self, name: str, found: Sequence[Part]) -> Copy:
        problems = [f"{part.claim}: {part.problem or 'not ready'}" for part in found if not part.ready]
        missing = sorted(set(found[0].claims) - {part.claim for part in found})
        problems += [f"{claim}: no snapshot of it is there" for claim in missing]
        problems += [f"{p.claim}: it would go with its namespace" for p in found if p.ready and not p.kept]
        times = [part.at for part in found]
        facts = {
            "namespace": self.namespace,
            "claims": {part.claim: part.facts() for part in found},
        }
        sizes = [part.bytes for part in found]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        reference = f"volumesnapshots/{self.namespace}/{name}"
        held = any(part.held for part in found)
        return Copy(
            name, reference, min(times), max(times), total, facts=facts, problems=tuple(problems), held=held
        )
