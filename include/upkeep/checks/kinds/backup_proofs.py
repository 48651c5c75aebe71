"""Whether backups are proven: examined since the last one, and restored within the period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from upkeep.backups.methods import provable
from upkeep.backups.model import Level
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.schedule import longest_gap
from upkeep.checks.series import check_name
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value


class BackupProofsParameters(Parameters):
    """Which backups."""

    policies: tuple[str, ...] = ()
    """Names of the system's backup policies; by default all that the suite makes."""


@register("backup_proofs", reads=Reads.HISTORY, parameters=BackupProofsParameters)
def backup_proofs(context: CheckContext, parameters: BackupProofsParameters) -> Iterable[Check]:
    """Proofs of backups: examined up to their checksums by schedule, restored and right within the period.

    Never proven is unknown and not ok; a proof that is older than it may be is critical.
    """
    for name, policy in choose(context.system.backups, parameters.policies, "backup policy").items():
        if policy.schedule:
            longest = longest_gap(policy.schedule, context.as_of) + timedelta(minutes=policy.grace_minutes)
            yield _check(context, name, policy, provable(policy), longest)
        if policy.proof.restore_every_days:
            yield _check(
                context, name, policy, Level.RESTORED, timedelta(days=policy.proof.restore_every_days)
            )


@dataclass(frozen=True)
class _Question:
    context: CheckContext
    name: str
    policy: BackupPolicy
    level: Level
    longest: timedelta

    @property
    def check(self) -> str:
        what = "restore_proof" if self.level is Level.RESTORED else "copy_proof"
        return check_name(what, {"policy": self.name})

    def ask(self) -> Finding:
        """Return whether the newest proof is young enough."""
        as_of = self.context.as_of
        proven = self.context.history.last_proven(self.name, self.level, as_of)
        done = "restored" if self.level is Level.RESTORED else f"proven up to its {self.level.name.lower()}"
        limit = f"> {format_value(self.longest.total_seconds(), 'seconds')}"
        if proven is None:
            reason = f"no backup of {self.policy.title} has been {done} yet"
            return self._finding(State.UNKNOWN, reason, None, limit, reason)
        age = (as_of - proven).total_seconds()
        said = f"{self.policy.title}: a backup was last {done} {format_value(age, 'seconds')} ago"
        state = State.CRITICAL if age > self.longest.total_seconds() else State.OK
        return self._finding(state, said, age, limit, None)

    def _finding(
        self, state: State, said: str, value: float | None, limit: str, reason: str | None
    ) -> Finding:
        return Finding(
            check=self.check,
            state=state,
            summary=said,
            value=value,
            unit="seconds",
            limit=limit,
            limit_value=self.longest.total_seconds(),
            source="ledger: proofs of backups",
            observed_at=self.context.as_of,
            reason=reason,
            evidence={"policy": self.policy.what},
        )


def _check(context: CheckContext, name: str, policy: BackupPolicy, level: Level, longest: timedelta) -> Check:
    question = _Question(context, name, policy, level, longest)
    return Check(name=question.check, source="ledger", present=False, ask=question.ask)
