"""Traffic led back to a service in steps, by the weights of a record of Route 53."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.model import Level, Proof
from upkeep.backups.region import DnsRecord, look_at_record, switch, switch_ready, undo
from upkeep.backups.region.dns import leads_to, record_sets, share_of
from upkeep.errors import PermanentError
from upkeep.recoveries.gate import Gate, Seen


@dataclass(frozen=True)
class TrafficReturn:
    """A record whose weights lead ever more of the traffic to a service that was restored.

    client: boto3's `route53`. record: its primary is where the traffic is held, its secondary the service.
    steps_percent: the service's shares, rising. watch, settle: how long a step is judged, and how long it is
    left alone before, beyond the time until clients follow. hold: the traffic is led away instead, at once.
    """

    client: Any
    record: DnsRecord
    steps_percent: Sequence[int]
    gate: Gate
    watch: timedelta
    settle: timedelta
    approvals: int = 1
    hold: bool = False
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered; to hold traffic takes another time than to return it."""
        return f"{'held ' if self.hold else ''}traffic of {self.record.name}"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look where the record leads; where an earlier attempt has taken the first step, keep the plan."""
        if pinned is not None and self._at(pinned) >= 0:
            return pinned
        before = record_sets(self.client, self.record)
        first = look_at_record(self.client, self.record, self._percents[0])
        share = share_of(before, self.record.secondary)
        facts = {
            "before": before,
            "before_percent": share,
            "steps": self._switches(share, before),
            "wait_seconds": first["clients_wait_seconds"] + self.settle.total_seconds(),
            "watch_seconds": self.watch.total_seconds(),
            "limits": {} if self.hold else self.gate.limits(),
        }
        return Plan(
            title=f"{'Hold' if self.hold else 'Return'} the traffic of {self.record.name}",
            target=f"{self.record.type} {self.record.name} in the zone {self.record.zone}",
            steps=self._sentences(facts),
            destructive=True,
            approvals=self.approvals,
            facts=facts,
            notes=[*first["notes"], *self.gate.values(datetime.now(UTC))],
        )

    def restore(self, plan: Plan) -> None:
        """Take the first step."""
        self.step(plan, 0)

    def step(self, plan: Plan, number: int) -> None:
        """Take a step; one that was taken is no error.

        Raises PermanentError where the record is neither as it was before the step nor as after it.
        """
        switch(self.client, plan.facts["steps"][number])

    def ready(self, plan: Plan) -> str | None:
        """Return at once: the steps wait by themselves."""
        return f"{plan.target} is there"

    def judge(self, plan: Plan, number: int, since: datetime, now: datetime) -> Seen | None:
        """Return what was seen once a step has been judged for its time, or a limit was passed before that.

        None until then. since: when the step was taken. Raises PermanentError if the record is no longer as
        the step has set it.
        """
        step = plan.facts["steps"][number]
        if number != self._at(plan):
            raise PermanentError(
                f"{plan.target} does not lead {step['percent']} % to the service any more: it was put back, "
                "or somebody changed it; clear the run from 'plan'"
            )
        switch_ready(self.client, step, {"change": None, "started_at": None})
        start = since + timedelta(seconds=plan.facts["wait_seconds"])
        if now <= start:
            return None
        if self.hold:  # nobody is served, so there is nothing to judge
            return Seen((), (), {})
        seen = self.gate.look(start, now)
        over = now >= start + timedelta(seconds=plan.facts["watch_seconds"])
        return seen if over or seen.past else None

    def so_far(self, plan: Plan) -> str:
        """Return a clause on what the steps have done until now."""
        if (at := self._at(plan)) >= 0:
            percent = plan.facts["steps"][at]["percent"]
            return f"by step {at + 1} the service has {percent} %, which 'clean_up' puts back"
        if self._present_is(plan.facts["before"]):
            return f"the service has {plan.facts['before_percent']} % as before"
        return f"{plan.target} is as no step has set it"

    def put_back(self, plan: Plan) -> str:
        """Lead the traffic where it led before the first step.

        Raises PermanentError where the record is as none of the steps has set it.
        """
        at = self._at(plan)
        back = f"{plan.facts['before_percent']} % as before"
        if at < 0 and self._present_is(plan.facts["before"]):
            return f"the service has {back}"
        if at < 0:
            raise PermanentError(f"{plan.target} is as no step has set it: somebody changed it; look at it")
        step = plan.facts["steps"][at]
        switch(self.client, undo({**step, "undo": plan.facts["before"]}))
        return f"the service was put back from {step['percent']} % to {back}"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Return whether the record leads as the last step has set it."""
        last = plan.facts["steps"][-1]
        there = self._present_is(last["changes"])
        problems = [] if there else [f"it does not lead {last['percent']} % to the service"]
        return [Proof(Level.INVARIANTS, datetime.now(UTC), problems, {"percent": last["percent"]})]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - it is in use
        """Return nothing: it is in use."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - no data goes back
        """Return nothing: no data goes back."""
        return None

    def clean_up(self, plan: Plan) -> str:
        """Return that it stays."""
        return f"{plan.target} stays"

    @property
    def _percents(self) -> Sequence[int]:
        return (0,) if self.hold else self.steps_percent

    def _at(self, plan: Plan) -> int:
        """Return the number of the step that the record is at, -1 for none of them."""
        steps = plan.facts["steps"]
        return next((n for n, step in enumerate(steps) if self._present_is(step["changes"])), -1)

    def _present_is(self, wanted: Sequence[Mapping[str, Any]]) -> bool:
        present = record_sets(self.client, self.record)
        return len(present) == len(wanted) and all(row in wanted for row in present)

    def _switches(self, share: int, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the switch of each step that gives the service more than it has, or nothing more."""
        switches = []
        for percent in self._percents:
            looked = look_at_record(self.client, self.record, percent)
            if percent > share or (self.hold and share > 0):
                decided = {key: value for key, value in looked.items() if key != "seen"}
                switches.append(decided | {"undo": before})
                before = looked["changes"]
        if not switches:
            where = ", ".join(sorted({host for row in before for host in leads_to(row)}))
            raise PermanentError(
                f"nothing was touched: {self.record.name} ({where}) leads {share} % to the service already; "
                f"there is nothing to {'hold' if self.hold else 'return'}"
            )
        return switches

    def _sentences(self, facts: Mapping[str, Any]) -> list[str]:
        if self.hold:
            return [facts["steps"][0]["does"][0], f"wait {facts['wait_seconds'] / 60:g} min: clients follow"]
        judged = "; ".join(f"{name} {' and '.join(limits)}" for name, limits in facts["limits"].items())
        wait, watch = facts["wait_seconds"] / 60, facts["watch_seconds"] / 60
        sentences = []
        for step in facts["steps"]:
            sentences += [
                step["does"][0],
                f"wait {wait:g} min until clients follow, then judge {watch:g} min: {judged}",
            ]
        return [*sentences, f"where a gate stays shut, put the service back to {facts['before_percent']} %"]
