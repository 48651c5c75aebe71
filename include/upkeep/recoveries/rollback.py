"""A deployment rolled back to an earlier version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.kubernetes.rollback import rollback_deployment, rollback_plan
from upkeep.backups.model import Level, Proof
from upkeep.clients.kubernetes.api import Api


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
