"""Whether a backup policy is kept: pure questions about the backups that there are.

Each question is one finding, so that one fault changes one finding:

- `backup_age`: the backup of the last slot whose grace is over is there. Missing is critical; there, but
  later than its grace, a warning: it works, but something slows it.
- `backup_complete`: the newest one is finished and whole. Not so is critical.
- `backup_encryption`: the newest one is encrypted as the policy promises. Not so is critical.
- `backup_size`: below `smallest_bytes` is critical, far below the median of the earlier ones a warning.
- `backup_rpo`: the schedule can meet the objective. Not so is a warning: a decision, not an emergency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from upkeep.catalog.models.backups import BackupPolicy
from upkeep.checks.schedule import expected_slot, longest_gap
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value

EARLIER_BACKUPS = 14
"""How many earlier backups the size is compared with: two weeks of daily ones."""

FEWEST_TO_COMPARE = 3
"""With fewer earlier backups a median says nothing."""


@dataclass(frozen=True)
class Backup:
    """One backup that exists.

    encryption: how it is encrypted, `none` if it is not, None if that cannot be seen.
    problems: why it is not complete.
    """

    id: str
    made_at: datetime
    size_bytes: float | None
    encryption: str | None
    problems: Sequence[str] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyReview:
    """One policy and its backups, newest first, as of one moment."""

    name: str
    policy: BackupPolicy
    zone: str
    as_of: datetime
    source: str
    backups: Sequence[Backup]

    def findings(self) -> list[Finding]:
        """Return the findings of all questions that the policy gives cause to ask."""
        asked = [self.age()] if self.policy.schedule else []
        asked += [self.complete(), self.encryption()]
        if self.policy.method != "binlog":  # a quiet hour writes little
            asked.append(self.size())
        return asked + self.objective()

    def age(self) -> Finding:
        """Return whether the backup that must be there by now is."""
        grace = timedelta(minutes=self.policy.grace_minutes)
        slot = expected_slot(self.policy.schedule or "", self.zone, self.as_of, grace)
        newest = self.backups[0] if self.backups else None
        since_due = (self.as_of - slot.earliest).total_seconds()
        common = self._common(
            "age",
            unit="seconds",
            limit=f"made for {slot.due.isoformat()}, there by {slot.latest.isoformat()}",
            limit_value=since_due,
        )
        if newest is None:
            return Finding(
                **common,
                state=State.CRITICAL,
                summary=f"{self.policy.title}: there is no backup at all",
            )
        age = (self.as_of - newest.made_at).total_seconds()
        told = f"{self.policy.title}: the newest, {newest.id}, is {format_value(max(age, 0), 'seconds')} old"
        in_slot = [backup for backup in self.backups if backup.made_at >= slot.earliest]
        common["value"] = age
        if not in_slot:
            return Finding(
                **common,
                state=State.CRITICAL,
                summary=f"{told}; that of {slot.due:%Y-%m-%d %H:%M %Z} is missing",
            )
        late = (in_slot[-1].made_at - slot.latest).total_seconds()
        if late > 0:
            text = f"{told}; it came {format_value(late, 'seconds')} after its grace"
            return Finding(**common, state=State.WARNING, summary=text)
        return Finding(**common, state=State.OK, summary=told)

    def complete(self) -> Finding:
        """Return whether the newest backup is finished and whole."""
        common = self._common("complete")
        newest = self._newest
        if newest is None:
            return self._nothing(common)
        if newest.problems:
            text = f"{self.policy.title}: {newest.id} is not complete: {'; '.join(newest.problems)}"
            return Finding(**common, state=State.CRITICAL, summary=text)
        return Finding(**common, state=State.OK, summary=f"{self.policy.title}: {newest.id} is complete")

    def encryption(self) -> Finding:
        """Return whether the newest backup is encrypted as promised."""
        promised = self.policy.encryption
        common = self._common("encryption", limit=f"encrypted with {promised}")
        newest = self._newest
        if newest is None:
            return self._nothing(common)
        if promised == "none":
            return Finding(**common, state=State.OK, summary=f"{self.policy.title}: no encryption promised")
        if newest.encryption is None:
            return Finding(
                **common,
                state=State.UNKNOWN,
                summary=f"{self.policy.title}: encryption of {newest.id} not known",
                reason=f"nothing about {newest.id} shows whether it is encrypted with {promised}",
            )
        how = "not encrypted" if newest.encryption == "none" else f"encrypted with {newest.encryption}"
        right = newest.encryption == promised
        text = f"{self.policy.title}: {newest.id} is {how}" + ("" if right else f", promised is {promised}")
        return Finding(**common, state=State.OK if right else State.CRITICAL, summary=text)

    def size(self) -> Finding:
        """Return whether the newest backup's size is plausible beside the earlier ones."""
        newest = self._newest
        common = self._common("size", unit="bytes")
        if newest is None:
            return self._nothing(common)
        if newest.size_bytes is None:
            reason = f"the size of {newest.id} is not told"
            return Finding(
                **common, state=State.UNKNOWN, summary=f"{self.policy.title}: {reason}", reason=reason
            )
        size = newest.size_bytes
        common["value"] = size
        told = f"{self.policy.title}: {newest.id} has {format_value(size, 'bytes')}"
        smallest = self.policy.smallest_bytes
        if smallest is not None and size < smallest:
            common |= {"limit": f"< {format_value(smallest, 'bytes')}", "limit_value": float(smallest)}
            return Finding(**common, state=State.CRITICAL, summary=f"{told}: too small to be complete")
        return self._beside_earlier(common, told, size)

    def _beside_earlier(self, common: dict[str, Any], told: str, size: float) -> Finding:
        older = [b for b in self.backups if b is not self._newest and not b.problems]
        earlier = [b.size_bytes for b in older if b.size_bytes is not None][:EARLIER_BACKUPS]
        if len(earlier) < FEWEST_TO_COMPARE:
            few = f"{len(earlier)} earlier to compare with"
            return Finding(**common, state=State.OK, summary=f"{told}; only {few}")
        usual = median(earlier)
        common["limit_value"] = usual * (1 - self.policy.size_drop_ratio)
        common["limit"] = f"< {format_value(common['limit_value'], 'bytes')}"
        common["evidence"] = {
            **common["evidence"],
            "earlier_sizes": [format_value(b, "bytes") for b in earlier],
        }
        told += f", usual are {format_value(usual, 'bytes')}"
        state = State.WARNING if size < common["limit_value"] else State.OK
        small = ": suspiciously small" if state is State.WARNING else ""
        return Finding(**common, state=state, summary=told + small)

    def objective(self) -> list[Finding]:
        """Return whether the schedule can meet the recovery point objective, if there are both."""
        if not self.policy.rpo_minutes or not self.policy.schedule:
            return []
        gap = longest_gap(self.policy.schedule, self.as_of).total_seconds()
        objective = self.policy.rpo_minutes * 60.0
        most = format_value(objective, "seconds")
        common = self._common("rpo", unit="seconds", limit=f"> {most}", limit_value=objective)
        common |= {"value": gap, "source": "catalog", "evidence": {"schedule": self.policy.schedule}}
        told = f"{self.policy.title}: up to {format_value(gap, 'seconds')} between two backups"
        if gap > objective:
            text = f"{told}, so it cannot meet its recovery point objective of {most}"
            return [Finding(**common, state=State.WARNING, summary=text)]
        return [Finding(**common, state=State.OK, summary=f"{told}, the objective is {most}")]

    @property
    def _newest(self) -> Backup | None:
        """The newest backup to judge: one that is not finished has its grace to become so."""
        still = self.as_of - timedelta(minutes=self.policy.grace_minutes)
        judged = (b for b in self.backups if not (b.problems and b.made_at > still))
        return next(judged, None)

    def _common(
        self,
        question: str,
        *,
        unit: str | None = None,
        limit: str | None = None,
        limit_value: float | None = None,
    ) -> dict[str, Any]:
        newest = self._newest
        evidence: dict[str, Any] = {"policy": self.policy.what, "backups_seen": len(self.backups)}
        if newest:
            evidence |= {"newest": newest.id, "made_at": newest.made_at.isoformat(), **newest.evidence}
        return {
            "check": f"backup_{question}{{policy={self.name}}}",
            "source": self.source,
            "observed_at": self.as_of,
            "unit": unit,
            "limit": limit,
            "limit_value": limit_value,
            "evidence": evidence,
        }

    def _nothing(self, common: dict[str, Any]) -> Finding:
        return Finding(
            **common,
            state=State.UNKNOWN,
            summary=f"{self.policy.title}: no backup to look at",
            reason="there is no backup at all",
        )
