"""RDS instances brought back to a new instance: from a snapshot, or as of a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.provider import WORKER, Provider
from upkeep.backups.rds.calls import aws_acts
from upkeep.backups.rds.point_in_time import look_at_moment
from upkeep.backups.rds.restore import begin_restore, is_gone, look_at_snapshot, restore_ready, tear_down
from upkeep.backups.rds.rows import Promise
from upkeep.backups.rds.target import Target
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.errors import PermanentError
from upkeep.recoveries.asking import asked


@dataclass(frozen=True)
class InstanceRecovery:
    """A new instance beside the source; nothing that is in use is touched.

    client: boto3's `rds`. target: the new instance. Either copy, a snapshot with what it must be, or
    moment. keep: whether the instance stays when the run is over; a drill's never does. policy: what the
    restored data is asked. login: of the restored instance, whatever host it has; None where there is none.
    provider: awaits and deletes the instance.
    """

    client: Any
    target: Target
    keep: bool
    policy: BackupPolicy
    login: DatabaseServer | None = None
    copy: Copy | None = None
    promise: Promise | None = None
    moment: datetime | None = None
    backup_id: UUID | None = None
    provider: Provider = WORKER

    @property
    def subject(self) -> str:
        """What is recovered."""
        how = "a snapshot" if self.copy else "a moment"
        return f"{self.target.source} from {how}"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether it can be done; a repeat keeps the plan."""
        looked = self._look()
        facts = {key: value for key, value in looked.items() if key not in ("seen", "notes", "does")}
        if self.copy is not None:
            facts["backup"] = self.copy.name
        if pinned is not None and pinned.facts == facts:
            return pinned
        return Plan(
            title=f"Restore {self.subject}",
            target=f"the new instance {self.target.identifier}",
            steps=[*looked["does"], *self._end()],
            destructive=False,
            facts=facts,
            notes=[*looked["notes"], *([self.unexamined] if self.unexamined else [])],
        )

    def restore(self, plan: Plan) -> None:
        """Begin it; RDS takes minutes to hours."""
        begin_restore(self.client, plan.facts)

    def ready(self, plan: Plan) -> str | None:
        """Return the new instance's address once it is available."""
        with aws_acts(f"RDS instance {self.target.identifier}"):
            available = self.provider.instance_available(self.target.identifier)
        found = restore_ready(self.client, plan.facts)
        return f"{self.target.identifier} is available" if available and found else None

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Return that the instance is there and as planned, and what its data says where it can be asked."""
        found = restore_ready(self.client, plan.facts)
        if found is None:
            raise PermanentError(f"{self.target.identifier} is not available any more")
        there = Proof(Level.RESTORED, datetime.now(UTC), evidence=_plain(found))
        return [there, *self._asked(plan, found)]

    @property
    def unexamined(self) -> str | None:
        """Why the data of the restored instance is not examined; None where it is."""
        if not self._asks:
            return "the restored data is not examined: the backup's policy has no proof.assertions"
        if self.login is None:
            return "the restored data is not examined: no connection 'restore' is named to log in"
        return None

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - the new instance is for people to take into use
        """Return nothing: the new instance is for people to take into use."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:
        """Return the moment that its data speaks of."""
        return datetime.fromisoformat(plan.facts["data_as_of"])

    def prepare(self, plan: Plan) -> str:  # noqa: ARG002 - a drill's
        """Return that nothing is made beforehand: the restore makes the drill's instance."""
        return "the drill's target is the instance that the restore makes"

    def lose(self, plan: Plan) -> str:  # noqa: ARG002 - a drill's
        """Return what is lost: production is never touched."""
        return f"{self.target.source} is taken as lost; it is not touched"

    def clean_up(self, plan: Plan) -> str:  # noqa: ARG002 - what is removed follows from the target alone
        """Remove the instance, unless it is to stay."""
        if self.keep:
            return f"{self.target.identifier} stays, as was asked"
        if is_gone(self.client, self.target.identifier, self.target.name):
            return f"{self.target.identifier} is gone"
        tear_down(self.client, self.target.identifier, self.target.name, self.provider)
        return f"{self.target.identifier} is being removed"

    @property
    def _asks(self) -> bool:
        return bool(self.policy.proof.assertions or self.policy.proof.newest)

    def _asked(self, plan: Plan, found: Mapping[str, Any]) -> Sequence[Proof]:
        """Ask the instance what the policy says; foreign keys of a whole instance would take too long."""
        if self.login is None or not self._asks:
            return []
        there = replace(self.login, host=found["host"], port=found["port"])
        as_of = datetime.fromisoformat(plan.facts["data_as_of"])
        return [asked(there, self.policy, as_of, foreign_keys=False)]

    def _look(self) -> dict[str, Any]:
        if self.moment is not None:
            return look_at_moment(self.client, self.moment, self.target)
        if self.copy is None or self.promise is None:
            raise PermanentError("there is neither a snapshot nor a moment to restore")
        return look_at_snapshot(self.client, self.copy.reference, self.target, self.promise)

    def _end(self) -> list[str]:
        return [] if self.keep else [f"{self.target.identifier} is removed at the end"]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, str | int | float | bool)}
