"""Volumes brought back from snapshots, as claims beside those that are in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.kubernetes.applying import apply
from upkeep.backups.kubernetes.cleaning import cleaned
from upkeep.backups.kubernetes.kinds import (
    CLAIMS,
    PODS,
    SNAPSHOTS,
    STORAGE_CLASSES,
    Object,
    by_object,
    find,
    served_kinds,
)
from upkeep.backups.kubernetes.quota import shortfalls
from upkeep.backups.kubernetes.snapshotparts import snapshot_name
from upkeep.backups.kubernetes.trying import trying_pod, why_not_running
from upkeep.backups.kubernetes.volumes import (
    bring_back,
    claim_from,
    claim_is,
    forget_all,
    outlives,
    remove,
)
from upkeep.backups.model import Copy, Level, Proof
from upkeep.clients.answers import child
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.quantity import quantity
from upkeep.errors import ConfigurationError, PermanentError

LONGEST_NAME = 253


@dataclass(frozen=True)
class VolumesRecovery:
    """Each claim of a copy, or one of them, made anew under another name in the same namespace.

    label: follows from the run and ends the new names. image: of the pod that mounts each new claim, for
    some storage makes a volume only then. keep: whether the new claims stay. wait_seconds: for snapshots
    whose objects are gone.
    """

    api: Api
    copy: Copy
    title: str
    label: str
    image: str
    only: str | None = None
    keep: bool = True
    wait_seconds: float = 300
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return self.title

    def plan(self, pinned: Plan | None = None) -> Plan:  # noqa: ARG002 - nothing is chosen but the copy
        """Look whether snapshots, names, classes and quota allow it."""
        problems = list(self._problems())
        if problems:
            raise PermanentError(f"nothing was touched: {'; '.join(problems)}")
        claims = {
            claim: {
                "name": body["metadata"]["name"],
                "snapshot": snapshot_name(self.copy.name, claim),
                "spec": body["spec"],
            }
            for claim, body in self._bodies.items()
        }
        made = [f"make {one['name']} from the snapshot of {claim}" for claim, one in claims.items()]
        end = [] if self.keep else ["remove the new claims"]
        return Plan(
            title=f"Restore {self.title}",
            target=f"{len(claims)} new claims in {self._namespace}",
            steps=[*made, "mount each in a pod of its own", "remove the pods; what is in use stays", *end],
            destructive=False,
            facts={"backup": self.copy.name, "namespace": self._namespace, "claims": claims},
        )

    def restore(self, plan: Plan) -> None:
        """Make the claims, and the pods that mount them; what is there is taken as it is."""
        for claim, one in plan.facts["claims"].items():
            bring_back(self.api, self._namespace, one["snapshot"], self._known[claim], self.wait_seconds)
            body = claim_from(self._namespace, one["name"], one["snapshot"], one["spec"], self.label)
            if find(self.api, CLAIMS.path(self._namespace, one["name"])) is None:
                apply(self.api, CLAIMS, body)
            if find(self.api, PODS.path(self._namespace, one["name"])) is None:
                apply(self.api, PODS, trying_pod(body, self.image))

    def ready(self, plan: Plan) -> str | None:
        """Return a sentence once every pod has mounted its claim."""
        names = _names(plan)
        if any(why_not_running(self.api, self._namespace, name) for name in names):
            return None
        return f"{', '.join(names)} can be mounted"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Return whether each claim is bound, filled from its snapshot, large enough, and mounted."""
        problems = [
            f"PersistentVolumeClaim/{one['name']}: {problem}"
            for claim, one in plan.facts["claims"].items()
            for problem in self._wrong(claim, one)
        ]
        return [Proof(Level.RESTORED, datetime.now(UTC), problems, {"mounted": _names(plan)})]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - people lead their pods to what they need
        """Return nothing: people lead their pods to the claims that they need."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - the copy says it
        """Return the moment of the snapshots."""
        return self.copy.started_at

    def clean_up(self, plan: Plan) -> str:
        """Remove the pods, and the claims unless they are to stay."""
        said = []
        for name in _names(plan):
            remove(self.api, PODS, self._namespace, name, self.label)
            if self.keep:
                said.append(f"{name} stays")
            elif remove(self.api, CLAIMS, self._namespace, name, self.label):
                said.append(f"{name} was removed")
        forget_all(self.api, self._namespace, {one["name"]: one for one in plan.facts["claims"].values()})
        return ", ".join(said) or "nothing was left"

    @property
    def _namespace(self) -> str:
        return str(self.copy.facts["namespace"])

    @property
    def _known(self) -> Mapping[str, Mapping[str, Any]]:
        """The chosen claims of the copy."""
        known: Mapping[str, Mapping[str, Any]] = self.copy.facts["claims"]
        if self.only is None:
            return known
        if self.only not in known:
            raise ConfigurationError(
                f"{self.copy.name} has no claim {self.only!r}; it has {', '.join(known)}"
            )
        return {self.only: known[self.only]}

    @cached_property
    def _bodies(self) -> dict[str, Object]:
        """The new claims: as those that are there, and at least as large as the snapshot."""
        bodies = {}
        for claim, facts in self._known.items():
            there = find(self.api, CLAIMS.path(self._namespace, claim))
            if there is None:
                continue
            spec = child(cleaned({**there, "kind": CLAIMS.kind}), "spec")
            requests = spec["resources"]["requests"]
            if facts["bytes"] and quantity(requests["storage"]) < facts["bytes"]:
                requests["storage"] = str(facts["bytes"])
            name = f"{claim[: LONGEST_NAME - len(self.label) - 10]}-restored-{self.label}"
            snapshot = snapshot_name(self.copy.name, claim)
            bodies[claim] = claim_from(self._namespace, name, snapshot, spec, self.label)
        return bodies

    def _problems(self) -> Iterator[str]:
        for claim, facts in self._known.items():
            yield from self._in_the_way(claim, facts)
        new = [
            body
            for body in self._bodies.values()
            if find(self.api, CLAIMS.path(self._namespace, body["metadata"]["name"])) is None
        ]
        wanted = [*new, *(trying_pod(body, self.image) for body in new)]
        yield from shortfalls(self.api, self._namespace, wanted, by_object(served_kinds(self.api)))

    def _in_the_way(self, claim: str, facts: Mapping[str, Any]) -> Iterator[str]:
        body = self._bodies.get(claim)
        if body is None:
            yield f"{claim} is gone, so its class is not known: restore_namespace fills it from its snapshot"
            return
        storage = body["spec"].get("storageClassName")
        if storage and find(self.api, STORAGE_CLASSES.path(None, storage)) is None:
            yield f"{claim}: the cluster has no StorageClass/{storage}"
        there = find(self.api, CLAIMS.path(self._namespace, body["metadata"]["name"]))
        if there is not None and not claim_is(there, body):
            yield f"{body['metadata']['name']} is there and holds something else"
        snapshot = snapshot_name(self.copy.name, claim)
        found = find(self.api, SNAPSHOTS.path(self._namespace, snapshot))
        if found is not None and child(found, "status").get("readyToUse") is not True:
            yield f"VolumeSnapshot/{snapshot} is not ready"
        if found is None and not outlives(facts):
            yield f"VolumeSnapshot/{snapshot} is gone, and the storage's name of it was not recorded"

    def _wrong(self, claim: str, one: Mapping[str, Any]) -> Iterator[str]:
        there = find(self.api, CLAIMS.path(self._namespace, one["name"]))
        if there is None:
            yield "it is not there"
            return
        if child(child(there, "spec"), "dataSource").get("name") != one["snapshot"]:
            yield f"it is not filled from VolumeSnapshot/{one['snapshot']}"
        status = child(there, "status")
        if status.get("phase") != "Bound":
            yield f"it is {status.get('phase') or 'not seen yet'}, not bound"
        size, least = quantity(child(status, "capacity").get("storage", 0)), self._known[claim]["bytes"] or 0
        if size < least:
            yield f"it has {size:,.0f} bytes, its snapshot {least:,}"
        if why := why_not_running(self.api, self._namespace, one["name"]):
            yield why


def _names(plan: Plan) -> list[str]:
    return [one["name"] for one in plan.facts["claims"].values()]
