"""The stages of a return of traffic: steps, each with a gate behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from upkeep.acts.gates import approved
from upkeep.acts.model import Act, Does, Result, Stage
from upkeep.acts.plans import Plan
from upkeep.acts.recovering.findings import check_of, recovery_finding
from upkeep.acts.recovering.record import mark, recorded, taken_back
from upkeep.acts.recovering.stages import RecoveryStages
from upkeep.errors import PermanentError
from upkeep.findings import State
from upkeep.recoveries.gate import Seen
from upkeep.recoveries.traffic import TrafficReturn

MOST_STEPS = 3
"""Stages are the same for all systems; where there are fewer steps the last ones have nothing to do."""

NO_STEP = "the plan has no such step"


class SteppingStages(RecoveryStages):
    """The stage functions of a return of traffic. What a step was is read back from the record itself."""

    def __init__(self, make: Callable[[Act, Any], TrafficReturn]) -> None:
        super().__init__(make, drill=False)

    def step(self, number: int) -> Callable[[Act, Any], Result]:
        """Return the function that takes a step; the first one looks again whether it was approved."""

        def take(act: Act, parameters: Any) -> Result:
            if number == 0:
                first = self.restore(act, parameters)
                mark(act, verified_at=None)
                return Result(first.said, {**first.carried, "at": act.now.isoformat()})
            one, plan = self._traffic(act, parameters)
            if number >= len(plan.facts["steps"]):
                return Result(NO_STEP)
            approved(act, plan, begun=True, so_far=f"{_step(number)} was not taken, and {one.so_far(plan)}")
            one.step(plan, number)
            return Result(plan.facts["steps"][number]["does"][0], {"at": act.now.isoformat()})

        return take

    def gate(self, number: int) -> Callable[[Act, Any], Result]:
        """Return the function that judges a step; where it is not as it must be the traffic is put back."""

        def judge(act: Act, parameters: Any) -> Result:
            one, plan = self._traffic(act, parameters)
            if number >= len(plan.facts["steps"]):
                return Result(NO_STEP)
            carried = act.carried.get(_step(number), {})
            if "at" not in carried:
                raise PermanentError(f"{_step(number)} has left no time; clear the run from 'plan'")
            seen = one.judge(plan, number, datetime.fromisoformat(carried["at"]), act.now)
            percent = plan.facts["steps"][number]["percent"]
            if seen is None:
                return Result(f"{percent} % is being judged", ready=False)
            if seen.problems:
                back = one.put_back(plan)
                taken_back(act, plan)
                return _shut(act, one, seen, f"at {percent} %: {'; '.join(seen.problems)}; {back}")
            said = f"{percent} % is as it must be: " + ", ".join(f"{k} {v}" for k, v in seen.values.items())
            found = recovery_finding(act, check_of("gate", one), State.OK, said, {"values": seen.values})
            return Result(said, {"percent": percent}, [found])

        return judge

    def clean_up(self, act: Act, parameters: Any) -> Result:
        """Leave the traffic where it was verified; else put it back, whatever broke off."""
        if "plan" not in act.carried:
            return Result("nothing was touched: there was no plan")
        found = recorded(act)
        if found is None:
            return Result("no step was taken")
        one, plan = self._traffic(act, parameters)
        if found.verified_at is not None:
            said = one.clean_up(plan)
        else:
            said = one.put_back(plan)
            taken_back(act, plan)
        mark(act, cleaned_at=act.now)
        return Result(said)

    def stages(self) -> tuple[Stage, ...]:
        """Return all stages in their order."""
        rows: list[Stage] = []
        for number in range(MOST_STEPS):
            name = f"step {number + 1}"
            rows += [
                Stage(_step(number), f"Take {name}", Does.CHANGE, self.step(number)),
                Stage(f"gate_{number + 1}", f"Judge {name}", Does.WAIT, self.gate(number), poll_seconds=30),
            ]
        return (
            Stage("plan", "Pre-flight and plan", Does.LOOK, self.plan),
            Stage("approve", "Approve the plan", Does.APPROVE),
            *rows,
            Stage("verify", "Verify where the traffic goes", Does.CHANGE, self.verify),
            Stage("measure", "Measure against the targets", Does.CHANGE, self.measure),
            Stage("clean_up", "Put back what was not verified", Does.CLEAN, self.clean_up),
        )

    def _traffic(self, act: Act, parameters: Any) -> tuple[TrafficReturn, Plan]:
        one, plan = self._planned(act, parameters)
        if not isinstance(one, TrafficReturn):
            raise TypeError(f"{type(one).__name__} has no steps")
        return one, plan


def _step(number: int) -> str:
    return f"step_{number + 1}"


def _shut(act: Act, one: TrafficReturn, seen: Seen, said: str) -> Result:
    evidence = {"values": seen.values, "past": list(seen.past), "unknown": list(seen.unknown)}
    return Result(said, {}, [recovery_finding(act, check_of("gate", one), State.CRITICAL, said, evidence)])
