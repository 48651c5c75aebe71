"""One version of one object of a bucket brought back, beside the object or over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.model import Level, Proof
from upkeep.backups.objects.recovery import Wanted, plan_restore
from upkeep.backups.objects.restoring import restore_version, verify_restored
from upkeep.findings.units import format_value


@dataclass(frozen=True)
class ObjectRecovery:
    """A version of an object. client: boto3's `s3`. approvals: persons needed where it goes in place."""

    client: Any
    wanted: Wanted
    approvals: int = 1
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return f"objects of {self.wanted.bucket}"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether it can be done; the copy of an earlier attempt keeps the plan."""
        looked = plan_restore(self.client, self.wanted)
        if pinned is not None and looked["done"]:
            return pinned
        return Plan(
            title=f"Restore s3://{self.wanted.bucket}/{self.wanted.key}",
            target=f"s3://{self.wanted.bucket}/{looked['target']}",
            steps=looked["steps"],
            destructive=self.wanted.in_place,
            approvals=self.approvals,
            facts=looked,
            notes=[f"the version is {self._age(looked)}"],
        )

    def restore(self, plan: Plan) -> None:
        """Copy the version."""
        restore_version(self.client, plan.facts)

    def ready(self, plan: Plan) -> str | None:
        """Return at once: a copy is there when the call returns."""
        return f"{plan.target} is there, {self._age(plan.facts)}"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Compare the copy with the version."""
        same = verify_restored(self.client, plan.facts)
        return [Proof(Level.CHECKSUMS, datetime.now(UTC), evidence=same)]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - the copy is in use where it was put in place
        """Return nothing: the copy is in use where it was put in place."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - a person has chosen the version
        """Return nothing: how old the version is that a person has chosen is no measure of lost work."""
        return None

    def clean_up(self, plan: Plan) -> str:
        """Return that the copy stays: it is what was asked for."""
        return f"{plan.target} stays"

    def _age(self, looked: Mapping[str, Any]) -> str:
        """Return when the version was written, and how long that was before the run."""
        written = datetime.fromisoformat(looked["source"]["modified_at"])
        old = format_value((self.wanted.at - written).total_seconds(), "seconds")
        return f"as of {written:%Y-%m-%d %H:%M:%S} UTC, {old} before this run"
