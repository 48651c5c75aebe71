"""A whole system brought back from one backup of several parts, each by its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.model import Copy, Proof
from upkeep.errors import ConfigurationError, PermanentError, UpkeepError
from upkeep.recoveries.model import LivesOn, PutIntoUse, Recovery


@dataclass(frozen=True)
class PartsRecovery:
    """The recoveries of all parts of a copy under one plan. parts: in the order of their restoring."""

    copy: Copy
    title: str
    parts: Mapping[str, Recovery]
    approvals: int = 1
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return self.title

    @property
    def lives_on(self) -> bool:
        """Whether others change one of the parts at once."""
        return any(isinstance(part, LivesOn) and part.lives_on for part in self.parts.values())

    def in_use(self, plan: Plan) -> str | None:
        """Return which parts are in use; with one of them the whole is not as it was restored."""
        parts = {name: part for name, part in self.parts.items() if isinstance(part, PutIntoUse)}
        where = [f"{name}: {at}" for name, part in parts.items() if (at := part.in_use(_of(plan, name)))]
        return "; ".join(where) or None

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look at every part, and name everything in the way at once."""
        plans, problems = {}, []
        for name, part in self.parts.items():
            try:
                plans[name] = part.plan(_of(pinned, name) if pinned else None)
            except (PermanentError, ConfigurationError) as e:
                problems.append(f"{name}: {str(e).removeprefix('nothing was touched: ')}")
        if problems:
            raise PermanentError(f"nothing was touched: {'; '.join(problems)}")
        return Plan(
            title=f"Restore {self.title}",
            target="; ".join(plan.target for plan in plans.values()),
            steps=[f"{name}: {step}" for name, plan in plans.items() for step in plan.steps],
            destructive=any(plan.destructive for plan in plans.values()),
            approvals=self.approvals,
            facts={
                "backup": self.copy.name,
                "parts": {name: {**asdict(plan), "notes": []} for name, plan in plans.items()},
            },
            notes=[f"{name}: {note}" for name, plan in plans.items() for note in plan.notes],
        )

    def restore(self, plan: Plan) -> None:
        """Restore one part after the other; what an earlier attempt has restored is found by each."""
        for name, part in self.parts.items():
            part.restore(_of(plan, name))

    def ready(self, plan: Plan) -> str | None:
        """Return a sentence once all are there."""
        said = [part.ready(_of(plan, name)) for name, part in self.parts.items()]
        there = [one for one in said if one is not None]
        return "; ".join(there) if len(there) == len(said) else None

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Examine every part; the whole is proven as far as the least of them."""
        proofs = {name: list(part.verify(_of(plan, name))) for name, part in self.parts.items()}
        problems = [f"{name}: {said}" for name, of in proofs.items() for one in of for said in one.problems]
        evidence = {name: [dict(one.evidence) for one in of] for name, of in proofs.items()}
        level = min(max(one.level for one in of) for of in proofs.values())
        return [Proof(level, datetime.now(UTC), problems, evidence)]

    def resume(self, plan: Plan) -> str | None:
        """Put the parts into use whose plans say so."""
        said = [part.resume(_of(plan, name)) for name, part in self.parts.items()]
        return "; ".join(one for one in said if one is not None) or None

    def data_as_of(self, plan: Plan) -> datetime | None:
        """Return the moment of the oldest part: work after it is lost somewhere."""
        moments = [part.data_as_of(_of(plan, name)) for name, part in self.parts.items()]
        return min((moment for moment in moments if moment is not None), default=None)

    def clean_up(self, plan: Plan) -> str:
        """Take away what each part made for itself; one that fails does not keep the others from it."""
        return "; ".join(_each(self.parts, lambda name, part: part.clean_up(_of(plan, name))))


def _of(plan: Plan, name: str) -> Plan:
    """Return the plan of a part."""
    return plan_from(plan.facts["parts"][name])


def _each(parts: Mapping[str, Recovery], act: Callable[[str, Recovery], Any]) -> list[str]:
    """Do something with each part. Raises the first error, with all of them in its words, at the end."""
    said: list[str] = []
    failed: list[UpkeepError] = []
    for name, part in parts.items():
        try:
            said.append(f"{name}: {act(name, part)}")
        except UpkeepError as e:
            failed.append(type(e)(f"{name}: {e}"))
    if failed:
        raise type(failed[0])("; ".join([*map(str, failed), *said]))
    return said
