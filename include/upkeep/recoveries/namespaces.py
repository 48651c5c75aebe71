"""A namespace, or one component of it, brought back from an export, its claims from snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.kubernetes.archive import Archive, read_archive
from upkeep.backups.kubernetes.drills import copy_namespace, delete_namespace, drill_target, tear_down
from upkeep.backups.kubernetes.plan import recreate_plan
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.snapshotparts import snapshot_name
from upkeep.backups.kubernetes.verify import verify
from upkeep.backups.kubernetes.volumes import filled_from, forget_all, outlives
from upkeep.backups.kubernetes.wanted import Target
from upkeep.backups.model import Copy, Proof
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError

SHOWN = 20
"""Objects that a plan names; the rest are counted."""


@dataclass(frozen=True)
class NamespaceRecovery:
    """An export recreated where it was, or elsewhere, whole or one component.

    s3: boto3's client. identity: opens the secrets. drill: the name of a drill, which works on a copy of its
    own; None for the real thing. volumes: snapshots that fill the claims which are made; without, they come
    back empty. wait_seconds: for claims and rollouts.
    """

    api: Api
    s3: Any
    copy: Copy
    identity: str | None
    target: Target
    drill: str | None = None
    approvals: int = 1
    wait_seconds: float = 300
    volumes: Copy | None = None
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        namespace = str(self.copy.facts["namespace"])
        return f"{self.target.only} of {namespace}" if self.target.only else f"namespace {namespace}"

    @property
    def lives_on(self) -> bool:
        """Whether people and controllers change it at once; nobody touches the copy of a drill."""
        return self.drill is None

    def plan(self, pinned: Plan | None = None) -> Plan:  # noqa: ARG002 - the copy is chosen by the caller
        """Look what would be made and changed."""
        looked = recreate_plan(self._archive, self.api, self.target)
        if looked["problems"]:
            raise PermanentError(f"nothing was touched: {'; '.join(looked['problems'])}")
        change = sorted(looked["change"])
        claims = self._claims(looked["create"])
        facts = {
            **claims,
            "backup": self.copy.name,
            "sha256": self.copy.sha256,
            "namespace": self.target.namespace,
            "component": self.target.only,
            "change": change[:SHOWN],
            "changed": len(change),
            "created": len(looked["create"]),
        }
        notes = [f"would be refused: {one}: {why}" for one, why in list(looked["refused"].items())[:SHOWN]]
        notes += [f"left out: {one}: {why}" for one, why in list(looked["left_out"].items())[:SHOWN]]
        return Plan(
            title=f"Recreate {self.subject}",
            target=f"the namespace {self.target.namespace}",
            steps=[*self._steps(looked), *self._of_claims(claims)],
            destructive=self.drill is None and bool(change),
            approvals=self.approvals,
            facts=facts,
            notes=notes,
        )

    def prepare(self, plan: Plan) -> str:  # noqa: ARG002 - it follows from the target
        """Make the copy that the drill works on."""
        made = copy_namespace(self._archive, self.api, self._of_drill, self.wait_seconds)
        return f"{self.target.namespace} is a copy of {self._archive.namespace}: {len(made['created'])} made"

    def lose(self, plan: Plan) -> str:  # noqa: ARG002 - it follows from the target
        """Delete the copy."""
        delete_namespace(self.api, self.target.namespace, self._of_drill, seconds=self.wait_seconds)
        return f"{self.target.namespace} was deleted"

    def restore(self, plan: Plan) -> None:
        """Make the objects; one that is refused is a failure once the rest is done."""
        filled = plan.facts["filled"]
        snapshots = {claim: one["snapshot"] for claim, one in filled.items()}
        target = replace(self.target, snapshots=snapshots, outlived=filled)
        done = recreate(self._archive, self.api, target, self.wait_seconds)
        if done["refused"]:
            said = "; ".join(f"{one}: {why}" for one, why in done["refused"].items())
            raise PermanentError(f"{plan.target}: all was made but {said}")

    def ready(self, plan: Plan) -> str | None:
        """Return at once: it is there when the call returns."""
        return f"{plan.target} is there"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Compare every object with the export, and wait for rollouts and claims; name what is empty."""
        compared = verify(self._archive, self.api, self.target, self.wait_seconds)
        filled = {claim: one["snapshot"] for claim, one in plan.facts["filled"].items()}
        empty = [
            f"PersistentVolumeClaim/{claim} is not filled from the snapshot"
            for claim, snapshot in filled.items()
            if filled_from(self.api, self.target.namespace, claim) != snapshot
        ]
        evidence = {**compared.evidence, "filled": filled}
        return [replace(compared, problems=[*compared.problems, *empty], evidence=evidence)]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - what was made is in use
        """Return nothing: what was made is in use."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:
        """Return the moment of the export, or of the snapshots where they fill something."""
        if self.volumes is not None and plan.facts["filled"]:
            return self.volumes.started_at
        return self.copy.started_at

    def clean_up(self, plan: Plan) -> str:
        """Take down what a drill made; what was recovered stays.

        Snapshots that were brought back go once their claims are bound: then nothing needs them any more.
        """
        if self.drill is None:
            kept = forget_all(self.api, self.target.namespace, plan.facts["filled"])
            return f"{plan.target} stays" + (f"; {', '.join(kept)} too, until a pod uses it" if kept else "")
        gone = tear_down(self.api, self.drill, self.wait_seconds)
        return f"taken down: {', '.join(gone) or 'nothing was left'}"

    def _claims(self, create: Sequence[str]) -> dict[str, Any]:
        """Return which of the claims that are made come from which snapshot, and which come back empty."""
        made = [one.partition("/")[2] for one in create if one.startswith("PersistentVolumeClaim/")]
        if self.volumes is None:
            return {"volumes": None, "filled": {}, "empty": made, "kept": []}
        known = self.volumes.facts["claims"]
        filled = {
            claim: {
                "snapshot": snapshot_name(self.volumes.name, claim),
                "driver": known[claim]["driver"],
                "handle": known[claim]["handle"],
            }
            for claim in made
            if claim in known and outlives(known[claim])
        }
        empty = [claim for claim in made if claim not in filled]
        kept = sorted(known.keys() - made) if self.target.only is None else []
        return {"volumes": self.volumes.name, "filled": filled, "empty": empty, "kept": kept}

    def _of_claims(self, claims: dict[str, Any]) -> list[str]:
        at = f"{self.volumes.started_at:%Y-%m-%d %H:%M:%S} UTC" if self.volumes else ""
        filled = [
            f"PersistentVolumeClaim/{claim} is filled from its snapshot of {at}" for claim in claims["filled"]
        ]
        empty = [f"PersistentVolumeClaim/{claim} comes back empty" for claim in claims["empty"]]
        kept = [f"PersistentVolumeClaim/{claim} is there and keeps its data" for claim in claims["kept"]]
        return [*filled, *empty, *kept]

    @cached_property
    def _archive(self) -> Archive:
        return read_archive(self.s3, self.copy, self.identity)

    @property
    def _of_drill(self) -> str:
        if self.drill is None:
            raise PermanentError("only a drill makes and deletes a copy")
        return self.drill

    def _steps(self, looked: dict[str, Any]) -> list[str]:
        made = f"make {len(looked['create'])} objects in {self.target.namespace}"
        changed = (
            f"put {len(looked['change'])} back to what they were; {looked['unchanged']} are as they were"
        )
        both = [
            f"in the order of their dependencies, {made}",
            changed,
            "compare every object with the export",
        ]
        if self.drill is None:
            return both
        copied = f"copy the export to {self.target.namespace}, where nothing reaches outside"
        return [copied, f"delete {self.target.namespace}", *both, f"take {self.target.namespace} down"]


def as_drill(recovery: NamespaceRecovery, drill: str) -> NamespaceRecovery:
    """Return the same on a copy that carries the drill's name."""
    target = drill_target(str(recovery.copy.facts["namespace"]), drill)
    return replace(recovery, target=target, drill=drill)
