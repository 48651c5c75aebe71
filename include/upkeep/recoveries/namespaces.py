"""A namespace, or one component of it, brought back from an export; and a deployment rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.kubernetes.archive import Archive, read_archive
from upkeep.backups.kubernetes.drills import copy_namespace, delete_namespace, drill_target, tear_down
from upkeep.backups.kubernetes.plan import recreate_plan
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.rollback import rollback_deployment, rollback_plan
from upkeep.backups.kubernetes.verify import verify
from upkeep.backups.kubernetes.wanted import Target
from upkeep.backups.model import Copy, Level, Proof
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError

SHOWN = 20
"""Objects that a plan names; the rest are counted."""


@dataclass(frozen=True)
class NamespaceRecovery:
    """An export recreated where it was, or elsewhere, whole or one component.

    s3: boto3's client. identity: opens the secrets. drill: the name of a drill, which works on a copy of its
    own; None for the real thing. wait_seconds: for claims and rollouts.
    """

    api: Api
    s3: Any
    copy: Copy
    identity: str | None
    target: Target
    drill: str | None = None
    approvals: int = 1
    wait_seconds: float = 300
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        namespace = str(self.copy.facts["namespace"])
        return f"{self.target.only} of {namespace}" if self.target.only else f"namespace {namespace}"

    def plan(self, pinned: Plan | None = None) -> Plan:  # noqa: ARG002 - the copy is chosen by the caller
        """Look what would be made and changed."""
        looked = recreate_plan(self._archive, self.api, self.target)
        if looked["problems"]:
            raise PermanentError(f"nothing was touched: {'; '.join(looked['problems'])}")
        change = sorted(looked["change"])
        facts = {
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
            steps=self._steps(looked),
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
        done = recreate(self._archive, self.api, self.target, self.wait_seconds)
        if done["refused"]:
            said = "; ".join(f"{one}: {why}" for one, why in done["refused"].items())
            raise PermanentError(f"{plan.target}: all was made but {said}")

    def ready(self, plan: Plan) -> str | None:
        """Return at once: it is there when the call returns."""
        return f"{plan.target} is there"

    def verify(self, plan: Plan) -> Sequence[Proof]:  # noqa: ARG002 - it follows from the target
        """Compare every object with the export, and wait for rollouts and claims."""
        return [verify(self._archive, self.api, self.target, self.wait_seconds)]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - what was made is in use
        """Return nothing: what was made is in use."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - the copy says it
        """Return the moment of the export."""
        return self.copy.started_at

    def clean_up(self, plan: Plan) -> str:
        """Take down what a drill made; what was recovered stays."""
        if self.drill is None:
            return f"{plan.target} stays"
        gone = tear_down(self.api, self.drill, self.wait_seconds)
        return f"taken down: {', '.join(gone) or 'nothing was left'}"

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


@dataclass(frozen=True)
class Rollback:
    """A deployment put back to the version before, or to one by its revision."""

    api: Api
    namespace: str
    deployment: str
    revision: int | None = None
    approvals: int = 1
    wait_seconds: float = 300
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is rolled back."""
        return f"version of {self.deployment}"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look which version there is to go back to."""
        looked = rollback_plan(self.api, self.namespace, self.deployment, self.revision)
        before, after = looked["from"], looked["to"]
        if pinned is not None and before["replica_set"] == pinned.facts["to"]["replica_set"]:
            return pinned  # it is done: the version gone back to is the current one
        images = f"{', '.join(before['images'])} → {', '.join(after['images'])}"
        return Plan(
            title=f"Roll {self.deployment} back to revision {after['revision']}",
            target=f"Deployment/{self.deployment} in {self.namespace}",
            steps=[f"put the pods' template back: {images}", "wait until it is rolled out"],
            destructive=True,
            approvals=self.approvals,
            facts=looked,
        )

    def restore(self, plan: Plan) -> None:
        """Put the template back."""
        chosen = plan.facts["to"]["replica_set"]
        rollback_deployment(self.api, self.namespace, self.deployment, chosen, self.wait_seconds)

    def ready(self, plan: Plan) -> str | None:
        """Return at once: it is rolled out when the call returns."""
        return f"{plan.target} is rolled out"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Return that the version is the one gone back to, and rolled out."""
        chosen = plan.facts["to"]["replica_set"]
        done = rollback_deployment(self.api, self.namespace, self.deployment, chosen, self.wait_seconds)
        return [Proof(Level.INVARIANTS, datetime.now(UTC), evidence={"images": done["images"]})]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - it is in use
        """Return nothing: it is in use."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - no data goes back
        """Return nothing: no data goes back."""
        return None

    def clean_up(self, plan: Plan) -> str:
        """Return that it stays."""
        return f"{plan.target} stays"
